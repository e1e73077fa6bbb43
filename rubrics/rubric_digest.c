/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes a rubric is made of: its own file and each file that a check uses. docs/formats.md has the digest byte by
 * byte. All files are opened below the course folder, through no link.
 */
#include "rubrics/rubric_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char digest_header[] = "rubric-digest 1\n";
static const char checks_prefix[] = "checks/";
static const guint max_files = 10000;
static const guint max_folder_depth = 32;
static const gsize max_file_bytes = 256 * 1024 * 1024;

/* ---- files used ----------------------------------------------------------------------------------------------------
 */

typedef struct {
    RubricLoad *load;
    const YamlNode *node; /* where problems are reported */
    int course_fd;
} Collector;

static void collect(Collector *collector, const char *path, guint depth);

/* What interpreters and desktops leave behind must not change a rubric's digest. */
static bool is_debris(const char *name)
{
    static const char *const names[] = {".DS_Store", "__pycache__", ".pytest_cache", ".git", NULL};
    return g_strv_contains(names, name) || g_str_has_suffix(name, ".pyc") || g_str_has_suffix(name, "~") ||
           g_str_has_suffix(name, ".swp");
}

static bool name_is_plain(const char *name)
{
    return g_utf8_validate(name, -1, NULL) && !strpbrk(name, "\n\r");
}

static void collect_folder(Collector *collector, const char *path, int fd, guint depth)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        g_close(fd, NULL);
        yaml_report(collector->node, collector->load->diagnostics, SEVERITY_ERROR, "cannot list \"%s\": %s", path,
                    g_strerror(errno));
        return;
    }
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_debris(entry->d_name))
            continue;
        if (!name_is_plain(entry->d_name)) {
            g_autofree char *shown = g_utf8_make_valid(entry->d_name, -1);
            yaml_report(collector->node, collector->load->diagnostics, SEVERITY_ERROR,
                        "\"%s\" holds a file whose name is not one line of UTF-8 text: \"%s\"", path, shown);
            continue;
        }
        g_autofree char *inner = g_build_filename(path, entry->d_name, NULL);
        collect(collector, inner, depth + 1);
    }
    closedir(folder);
}

static void report_cannot_open(const Collector *collector, const char *path, int errnum)
{
    const char *why = g_strerror(errnum);
    if (errnum == ENOENT)
        why = "there is no such file in the course folder";
    else if (errnum == ELOOP || errnum == EXDEV)
        why = "it is, or goes through, a symbolic link; put a copy there";
    yaml_report(collector->node, collector->load->diagnostics, SEVERITY_ERROR, "cannot use \"%s\": %s", path, why);
}

static void collect(Collector *collector, const char *path, guint depth)
{
    Diagnostics *diagnostics = collector->load->diagnostics;
    GHashTable *files = collector->load->files;
    if (depth > max_folder_depth || g_hash_table_size(files) >= max_files) {
        yaml_report(collector->node, diagnostics, SEVERITY_ERROR, "\"%s\": more than %u folders deep or over %u files",
                    path, max_folder_depth, max_files);
        return;
    }
    file_autofd int fd = file_open_beneath(collector->course_fd, path, O_RDONLY, 0);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        report_cannot_open(collector, path, errno);
        return;
    }
    if (S_ISDIR(info.st_mode))
        collect_folder(collector, path, file_steal_fd(&fd), depth);
    else if (S_ISREG(info.st_mode) && (guint64)info.st_size <= max_file_bytes)
        g_hash_table_add(files, g_strdup(path));
    else
        yaml_report(collector->node, diagnostics, SEVERITY_ERROR,
                    "cannot use \"%s\": neither a folder nor a regular file of at most 256 MiB", path);
}

/* No blanks to trip over: "checks//a", "./checks/a" and "checks/../a" are other spellings of paths, and refused. */
static bool path_is_canonical(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part; part++) {
        bool is_last = part[1] == NULL;
        bool is_trailing_slash = is_last && part != parts && **part == '\0';
        if (!is_trailing_slash && (**part == '\0' || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0))
            return false;
    }
    return name_is_plain(path);
}

void rubric_load_uses_file(RubricLoad *load, const char *path, const YamlNode *node, Diagnostics *diagnostics)
{
    bool is_below = g_str_has_prefix(path, checks_prefix) || strcmp(path, "checks") == 0;
    if (!is_below || !path_is_canonical(path)) {
        const gsize max_shown = 100;
        g_autofree char *shown = text_truncate(path, max_shown);
        yaml_report(
            node, diagnostics, SEVERITY_ERROR,
            "\"%s\": files for checks lie below the course folder's checks/; write it like \"checks/expected.txt\"",
            shown);
        return;
    }
    g_autofree char *stripped = g_strdup(path);
    if (g_str_has_suffix(stripped, "/"))
        stripped[strlen(stripped) - 1] = '\0';
    file_autofd int course_fd = open(load->course_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (course_fd < 0) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "cannot open the course folder: %s", g_strerror(errno));
        return;
    }
    Collector collector = {.load = load, .node = node, .course_fd = course_fd};
    collect(&collector, stripped, 0);
}

const char *rubric_load_folder(const RubricLoad *load)
{
    return load->course_folder;
}

/* ---- digest --------------------------------------------------------------------------------------------------------
 */

/* The rubric's file and the files used, sorted. Caller frees the array; the texts are the rubric's. */
static GPtrArray *all_files(const Rubric *rubric)
{
    GPtrArray *all = g_ptr_array_new();
    g_ptr_array_add(all, rubric->path);
    for (guint i = 0; i < rubric->files->len; i++)
        g_ptr_array_add(all, g_ptr_array_index(rubric->files, i));
    g_ptr_array_sort(all, text_compare);
    return all;
}

static int open_file(int folder_fd, const char *path, struct stat *ret_info, GError **error)
{
    file_autofd int fd = file_open_beneath(folder_fd, path, O_RDONLY, 0);
    if (fd < 0 || fstat(fd, ret_info) < 0) {
        error_set_errno(error, errno, "cannot open \"%s\"", path);
        return -1;
    }
    if (!S_ISREG(ret_info->st_mode)) {
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a regular file", path);
        return -1;
    }
    return file_steal_fd(&fd);
}

/* Caller frees. NULL with *error. */
static char *compute_digest(const Rubric *rubric, int folder_fd, GError **error)
{
    g_autoptr(GPtrArray) all = all_files(rubric);
    g_autoptr(GString) list = g_string_new(digest_header);
    for (guint i = 0; i < all->len; i++) {
        const char *path = g_ptr_array_index(all, i);
        struct stat info;
        file_autofd int fd = open_file(folder_fd, path, &info, error);
        g_autofree char *sum = fd < 0 ? NULL : file_sha256_fd(fd, error);
        if (!sum)
            return NULL;
        g_string_append_printf(list, "%s\n%" G_GINT64_FORMAT "\n%s\n", path, (gint64)info.st_size, sum);
    }
    g_autofree char *sum = file_sha256_bytes(list->str, list->len);
    return g_strconcat("sha256:", sum, NULL);
}

static int open_folder(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the folder \"%s\"", path);
    return fd;
}

bool rubric_digest_make(Rubric *rubric, GHashTable *files, const char *course_folder, GError **error)
{
    g_autofree char **paths = (char **)g_hash_table_get_keys_as_array(files, NULL);
    for (char **path = paths; *path; path++)
        g_ptr_array_add(rubric->files, g_strdup(*path));
    g_ptr_array_sort(rubric->files, text_compare);
    file_autofd int folder_fd = open_folder(course_folder, error);
    if (folder_fd < 0)
        return false;
    rubric->digest = compute_digest(rubric, folder_fd, error);
    return rubric->digest != NULL;
}

/* ---- snapshot ------------------------------------------------------------------------------------------------------
 */

static bool copy_file(int from_folder_fd, const char *to_folder, const char *path, GError **error)
{
    struct stat info;
    file_autofd int fd = open_file(from_folder_fd, path, &info, error);
    g_autofree char *data = NULL;
    gsize length;
    if (fd < 0 || !file_read_fd(fd, path, max_file_bytes, &data, &length, error))
        return false;
    g_autofree char *target = g_build_filename(to_folder, path, NULL);
    g_autofree char *parent = g_path_get_dirname(target);
    const mode_t folder_mode = 0755, plain_mode = 0644, program_mode = 0755;
    mode_t mode = info.st_mode & S_IXUSR ? program_mode : plain_mode;
    return file_make_folder(parent, folder_mode, error) && file_write_atomic(target, data, length, mode, error);
}

/* Copies everything, then looks whether what was copied is what was loaded: the instructor may be saving right now. */
static bool fill_snapshot(const Rubric *rubric, const char *course_folder, const char *target, GError **error)
{
    file_autofd int from_fd = open_folder(course_folder, error);
    if (from_fd < 0)
        return false;
    g_autoptr(GPtrArray) all = all_files(rubric);
    for (guint i = 0; i < all->len; i++) {
        if (!copy_file(from_fd, target, g_ptr_array_index(all, i), error))
            return false;
    }
    file_autofd int to_fd = open_folder(target, error);
    g_autofree char *digest = to_fd < 0 ? NULL : compute_digest(rubric, to_fd, error);
    if (!digest)
        return false;
    if (strcmp(digest, rubric->digest) != 0)
        return error_set(error, RUBRIC_ERROR_TEMPORARY,
                         "files of the rubric \"%s\" have changed since it was loaded; load it again", rubric->id);
    return true;
}

static bool publish(const char *temporary, const char *target, GError **error)
{
    if (rename(temporary, target) == 0) {
        g_autofree char *parent = g_path_get_dirname(target);
        return file_sync_folder(parent, error);
    }
    bool is_there = (errno == EEXIST || errno == ENOTEMPTY) && g_file_test(target, G_FILE_TEST_IS_DIR);
    return is_there || error_set_errno(error, errno, "cannot rename \"%s\"", temporary);
}

bool rubric_snapshot(const Rubric *rubric, const char *course_folder, const char *target, GError **error)
{
    if (g_file_test(target, G_FILE_TEST_IS_DIR))
        return true;
    g_autofree char *parent = g_path_get_dirname(target);
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", target);
    const mode_t folder_mode = 0755;
    if (!file_make_folder(parent, folder_mode, error))
        return false;
    if (!g_mkdtemp_full(temporary, (gint)folder_mode))
        return error_set_errno(error, errno, "cannot make a folder beside \"%s\"", target);
    bool done = fill_snapshot(rubric, course_folder, temporary, error) && publish(temporary, target, error);
    if (!done)
        g_prefix_error(error, "copying the rubric \"%s\": ", rubric->id);
    file_remove_tree(temporary, NULL); /* gone already when it was renamed */
    return done;
}
