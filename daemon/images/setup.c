/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of setups. One is made below a temporary name and gets its own by a rename when it is whole; a maker holds
 * a lock that dies with it, so who is killed leaves a temporary folder that the next maker sweeps away, and nothing
 * that could be taken for a setup. Who uses one holds its folder locked, shared; the sweep takes only what it can lock
 * alone.
 */
#include "daemon/images/setup.h"
#include "daemon/images/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char setups_name[] = ".setups", description[] = "setup.json", failure_suffix[] = ".failed";

void image_setup_free(ImageSetup *setup)
{
    if (!setup)
        return;
    g_free(setup->key);
    g_free(setup->root);
    file_autofd_close(&setup->lock_fd);
    g_free(setup);
}

/* The real time: files have no other. */
static gint64 now_us(void)
{
    return clock_now_us() - clock_offset_us();
}

static char *setups_folder(const char *images_folder)
{
    return g_build_filename(images_folder, setups_name, NULL);
}

static cJSON *read_json(const char *folder, const char *name)
{
    const gsize max_bytes = 1 << 20;
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    gsize length;
    return file_read(path, max_bytes, &text, &length, NULL) ? json_parse(text, length, NULL) : NULL;
}

static bool write_json(const char *folder, const char *name, const cJSON *json, GError **error)
{
    const mode_t mode = 0644;
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = json_print_pretty(json);
    return file_write_atomic(path, text, strlen(text), mode, error);
}

/* ---- finding ------------------------------------------------------------------------------------------------------
 */

/* When it was last used is the time of its description. One on a shelf that we may only read is used all the same. */
static void note_use(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, description, NULL);
    utimensat(AT_FDCWD, path, NULL, 0);
}

/* Opened before it was swept away, and locked after? */
static bool has_name(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

ImageSetup *image_setup_find(const char *images_folder, const char *key)
{
    g_autofree char *setups = setups_folder(images_folder), *folder = g_build_filename(setups, key, NULL);
    file_autofd int lock_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lock_fd < 0 || flock(lock_fd, LOCK_SH) < 0 || !has_name(lock_fd, folder))
        return NULL;
    g_autoptr(cJSON) json = read_json(folder, description);
    if (!json)
        return NULL;
    note_use(folder);
    ImageSetup *setup = g_new0(ImageSetup, 1);
    setup->key = g_strdup(key);
    setup->root = g_build_filename(folder, "root", NULL);
    setup->lock_fd = file_steal_fd(&lock_fd);
    return setup;
}

/* ---- making -------------------------------------------------------------------------------------------------------
 */

/* One file for all keys, so that there is none to clear away: each key has a byte of it. */
int image_setup_lock(const char *images_folder, const char *key, GError **error)
{
    const mode_t folder_mode = 0700, file_mode = 0600;
    const gsize n_digits = 12;
    const int hexadecimal = 16;
    g_autofree char *setups = setups_folder(images_folder), *path = g_build_filename(setups, ".lock", NULL);
    g_autofree char *start = g_strndup(key, n_digits);
    struct flock byte = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = g_ascii_strtoll(start, NULL, hexadecimal), .l_len = 1};
    if (!file_make_folder(images_folder, folder_mode, error) || !file_make_folder(setups, folder_mode, error))
        return -1;
    file_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, file_mode);
    int r = fd < 0 ? -1 : fcntl(fd, F_OFD_SETLKW, &byte);
    while (r < 0 && fd >= 0 && errno == EINTR)
        r = fcntl(fd, F_OFD_SETLKW, &byte);
    if (r < 0) {
        error_set_errno(error, errno, "cannot lock \"%s\"", path);
        return -1;
    }
    return file_steal_fd(&fd);
}

static bool fill(const char *folder, const char *base, const char *from, const char *words, GError **error)
{
    const mode_t mode = 0755;
    gint64 n_entries = 0, bytes = 0;
    g_autofree char *root = g_build_filename(folder, "root", NULL);
    if (!file_make_folder(root, mode, error) || !setup_copy(from, root, &n_entries, &bytes, error))
        return false;
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "base", base);
    json_add_int64(json, "entries", n_entries);
    json_add_int64(json, "bytes", bytes);
    json_add_int64(json, "made", now_us());
    json_add_string(json, "words", words);
    return write_json(folder, description, json, error);
}

/* After a power cut it is whole, or not there. */
static bool publish(const char *ready, const char *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    file_autofd int fd = open(ready, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0 || rename(ready, folder) < 0)
        return error_set_errno(error, errno, "cannot keep it as \"%s\"", folder);
    return file_sync_folder(parent, error);
}

ImageSetup *image_setup_keep(const char *images_folder, const char *key, const char *base, const char *from,
                             const char *words, GError **error)
{
    const mode_t mode = 0755;
    file_autofd int lock_fd = -1;
    g_autofree char *setups = setups_folder(images_folder), *folder = g_build_filename(setups, key, NULL),
                    *failure = g_strconcat(folder, failure_suffix, NULL);
    g_autofree char *temporary = shelf_temporary(setups, &lock_fd, error);
    if (!temporary)
        return NULL;
    g_autofree char *ready = g_build_filename(temporary, "setup", NULL);
    bool is_kept =
        file_make_folder(ready, mode, error) && fill(ready, base, from, words, error) && publish(ready, folder, error);
    file_remove_tree(temporary, NULL);
    if (!is_kept)
        return NULL;
    g_unlink(failure);
    ImageSetup *setup = image_setup_find(images_folder, key);
    if (!setup)
        error_set(error, RUBRIC_ERROR_BUG, "what was kept as \"%s\" is not there", folder);
    setup_sweep(images_folder);
    return setup;
}

/* ---- failures -----------------------------------------------------------------------------------------------------
 */

bool image_setup_keep_failure(const char *images_folder, const char *key, const char *words, GError **error)
{
    g_autofree char *setups = setups_folder(images_folder), *name = g_strconcat(key, failure_suffix, NULL);
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_int64(json, "time", now_us());
    json_add_string(json, "words", words);
    return write_json(setups, name, json, error);
}

char *image_setup_failure(const char *images_folder, const char *key)
{
    const gint64 lately_us = 5 * 60 * CLOCK_SECOND_US;
    g_autofree char *setups = setups_folder(images_folder), *name = g_strconcat(key, failure_suffix, NULL);
    g_autoptr(cJSON) json = read_json(setups, name);
    gint64 age_us = json ? now_us() - json_int64_or(json, "time", 0) : 0;
    return json && age_us >= 0 && age_us < lately_us ? g_strdup(json_string_or(json, "words", "")) : NULL;
}

/* ---- the sweep ----------------------------------------------------------------------------------------------------
 */

static bool has_image(const GPtrArray *images, const char *digest)
{
    for (guint i = 0; i < images->len; i++) {
        if (g_strcmp0(((const Image *)g_ptr_array_index(images, i))->digest, digest) == 0)
            return true;
    }
    return false;
}

static bool is_old(const char *folder, const char *name)
{
    const gint64 month_us = G_GINT64_CONSTANT(30) * 24 * 3600 * CLOCK_SECOND_US;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat info;
    return stat(path, &info) == 0 && now_us() - (gint64)info.st_mtime * CLOCK_SECOND_US > month_us;
}

static bool is_unused(const char *folder, const GPtrArray *images)
{
    g_autoptr(cJSON) json = read_json(folder, description);
    const char *base = json ? json_string_or(json, "base", "") : "";
    return is_old(folder, description) || (g_str_has_prefix(base, "sha256:") && !has_image(images, base));
}

static void remove_setup(const char *setups, const char *folder)
{
    file_autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), lock_fd = -1;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return; /* somebody uses it */
    g_autofree char *doomed = shelf_temporary(setups, &lock_fd, NULL);
    g_autofree char *target = doomed ? g_build_filename(doomed, "old", NULL) : NULL;
    if (target && g_rename(folder, target) == 0)
        file_remove_tree(doomed, NULL);
}

void setup_sweep(const char *images_folder)
{
    g_autofree char *setups = setups_folder(images_folder);
    g_autoptr(GPtrArray) images = image_list(images_folder, NULL);
    g_autoptr(GDir) entries = images ? g_dir_open(setups, 0, NULL) : NULL;
    for (const char *name = entries ? g_dir_read_name(entries) : NULL; name; name = g_dir_read_name(entries)) {
        g_autofree char *path = g_build_filename(setups, name, NULL);
        if (g_str_has_suffix(name, failure_suffix) && is_old(setups, name))
            g_unlink(path);
        else if (*name != '.' && g_file_test(path, G_FILE_TEST_IS_DIR) && is_unused(path, images))
            remove_setup(setups, path);
    }
}
