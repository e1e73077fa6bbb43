/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/shelf.h"
#include "daemon/images/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static const char description[] = "image.json";

void image_free(Image *image)
{
    if (!image)
        return;
    g_free(image->name);
    g_free(image->digest);
    g_free(image->reference);
    g_free(image->root);
    g_strfreev(image->env);
    g_free(image->folder);
    g_free(image);
}

bool image_name_is_good(const char *name)
{
    const gsize max_length = 64;
    return g_ascii_isalnum(*name) && strlen(name) <= max_length &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

/* ---- image.json ---------------------------------------------------------------------------------------------------
 */

cJSON *image_to_json(const Image *image)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "name", image->name);
    json_add_string(json, "digest", image->digest);
    json_add_string(json, "reference", image->reference);
    json_add_string(json, "root", image->root);
    cJSON *env = json_add(json, "env", cJSON_CreateArray());
    for (char **variable = image->env; variable && *variable; variable++)
        json_append_string(env, *variable);
    json_add_string(json, "folder", image->folder);
    json_add_int64(json, "layers", image->n_layers);
    json_add_int64(json, "entries", image->n_entries);
    json_add_int64(json, "bytes", image->bytes);
    json_add_int64(json, "imported", image->imported_us);
    return json;
}

/* The folder says where the image is and what it is called: it may have been moved. */
static Image *image_from_json(const cJSON *json, const char *images_folder, const char *name, GError **error)
{
    g_autoptr(GStrvBuilder) env = g_strv_builder_new();
    const char *digest;
    const cJSON *variables, *item;
    if (!json_get_string(json, "digest", &digest, error) || !json_get_array(json, "env", &variables, error))
        return NULL;
    cJSON_ArrayForEach(item, variables)
    {
        if (cJSON_IsString(item))
            g_strv_builder_add(env, item->valuestring);
    }
    Image *image = g_new0(Image, 1);
    image->name = g_strdup(name);
    image->digest = g_strdup(digest);
    image->reference = g_strdup(json_string_or(json, "reference", NULL));
    image->root = g_build_filename(images_folder, name, "root", NULL);
    image->env = g_strv_builder_end(env);
    image->folder = g_strdup(json_string_or(json, "folder", NULL));
    image->n_layers = json_int64_or(json, "layers", 0);
    image->n_entries = json_int64_or(json, "entries", 0);
    image->bytes = json_int64_or(json, "bytes", 0);
    image->imported_us = json_int64_or(json, "imported", 0);
    return image;
}

bool shelf_write(const char *folder, const Image *image, GError **error)
{
    const mode_t mode = 0644;
    g_autoptr(cJSON) json = image_to_json(image);
    g_autofree char *text = json_print_pretty(json), *path = g_build_filename(folder, description, NULL);
    return file_write_atomic(path, text, strlen(text), mode, error);
}

/* ---- the shelf ----------------------------------------------------------------------------------------------------
 */

static bool set_not_found(const char *images_folder, const char *name, GError **error)
{
    g_autoptr(GPtrArray) images = image_list(images_folder, NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; images && i < images->len; i++)
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", ((const Image *)g_ptr_array_index(images, i))->name);
    g_autofree char *shown = text_escape_terminal(name, 100);
    if (names->len == 0)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND,
                         "there is no image \"%s\" in \"%s\"; `rubric image import FILE` makes one", shown,
                         images_folder);
    return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no image \"%s\" in \"%s\"; there are: %s", shown,
                     images_folder, names->str);
}

Image *image_find(const char *images_folder, const char *name, GError **error)
{
    const gsize max_bytes = 4 << 20;
    g_autofree char *path = g_build_filename(images_folder, name, description, NULL), *text = NULL;
    gsize length;
    if (!image_name_is_good(name) || !g_file_test(path, G_FILE_TEST_EXISTS)) {
        set_not_found(images_folder, name, error);
        return NULL;
    }
    g_autoptr(cJSON) json = file_read(path, max_bytes, &text, &length, error) ? json_parse(text, length, error) : NULL;
    Image *image = json ? image_from_json(json, images_folder, name, error) : NULL;
    if (!image)
        g_prefix_error(error, "the image \"%s\": ", name);
    return image;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Image *const *)a)->name, (*(const Image *const *)b)->name);
}

GPtrArray *image_list(const char *images_folder, GError **error)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func((GDestroyNotify)image_free);
    if (!g_file_test(images_folder, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&images);
    g_autoptr(GDir) entries = g_dir_open(images_folder, 0, error);
    if (!entries)
        return NULL;
    for (const char *name = g_dir_read_name(entries); name; name = g_dir_read_name(entries)) {
        g_autofree char *path = g_build_filename(images_folder, name, description, NULL);
        if (!image_name_is_good(name) || !g_file_test(path, G_FILE_TEST_EXISTS))
            continue;
        Image *image = image_find(images_folder, name, error);
        if (!image)
            return NULL;
        g_ptr_array_add(images, image);
    }
    g_ptr_array_sort(images, compare_names);
    return g_steal_pointer(&images);
}

/* First out of sight in one step, then away. */
bool image_remove(const char *images_folder, const char *name, GError **error)
{
    g_autoptr(Image) image = image_find(images_folder, name, error);
    if (!image)
        return false;
    file_autofd int lock_fd = -1;
    g_autofree char *path = g_build_filename(images_folder, name, NULL),
                    *doomed = shelf_temporary(images_folder, &lock_fd, error);
    if (!doomed)
        return false;
    g_autofree char *target = g_build_filename(doomed, "old", NULL);
    if (g_rename(path, target) < 0)
        return error_set_errno(error, errno, "cannot remove the image \"%s\"", name);
    setup_sweep(images_folder);
    return file_remove_tree(doomed, error);
}

static const char temporary_prefix[] = ".new-";

/* What is not locked belongs to nobody any more. Another user's cannot be opened, and stays. */
static void sweep(const char *images_folder)
{
    g_autoptr(GDir) entries = g_dir_open(images_folder, 0, NULL);
    for (const char *name = entries ? g_dir_read_name(entries) : NULL; name; name = g_dir_read_name(entries)) {
        if (!g_str_has_prefix(name, temporary_prefix))
            continue;
        g_autofree char *path = g_build_filename(images_folder, name, NULL);
        file_autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            file_remove_tree(path, NULL);
    }
}

char *shelf_temporary(const char *images_folder, int *ret_lock_fd, GError **error)
{
    g_autofree char *path = g_strconcat(images_folder, "/", temporary_prefix, "XXXXXX", NULL);
    /* Nobody sweeps between the folder's making and its lock. */
    file_autofd int folder_fd = open(images_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || flock(folder_fd, LOCK_EX) < 0) {
        error_set_errno(error, errno, "cannot lock \"%s\"", images_folder);
        return NULL;
    }
    sweep(images_folder);
    file_autofd int lock_fd = g_mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0) {
        error_set_errno(error, errno, "cannot make a folder in \"%s\"", images_folder);
        return NULL;
    }
    *ret_lock_fd = file_steal_fd(&lock_fd);
    return g_steal_pointer(&path);
}

char **image_environment(const Image *image, const char *const *beneath)
{
    static const char *const defaults[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                           "HOME=/work",
                                           "LANG=C.UTF-8",
                                           "TZ=UTC",
                                           "TMPDIR=/tmp",
                                           NULL};
    g_autoptr(GStrvBuilder) env = g_strv_builder_new();
    for (const char *const *pair = beneath ? beneath : defaults; *pair; pair++) {
        g_autofree char *name = g_strndup(*pair, strcspn(*pair, "="));
        if (!g_environ_getenv(image->env, name))
            g_strv_builder_add(env, *pair);
    }
    g_strv_builder_addv(env, (const char **)image->env);
    return g_strv_builder_end(env);
}
