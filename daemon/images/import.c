/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import: parts, manifest, configuration, layers. All is done in a folder whose name no image can have; a rename
 * makes it an image, so that one that is interrupted leaves none.
 */
#include "daemon/images/layer.h"
#include "daemon/images/manifest.h"
#include "daemon/images/parts.h"
#include "daemon/images/setup.h"
#include "daemon/images/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef struct {
    const char *images_folder;
    const ImageLimits *limits;
    char *folder; /* temporary; root/ and parts/ are in it */
    int lock_fd;
    Parts parts;
    Manifest manifest;
    ImageConfig config;
    char *digest, *reference;
    Layers layers;
} Import;

static void import_clear(Import *import)
{
    tree_clear(&import->layers.tree);
    parts_clear(&import->parts);
    manifest_clear(&import->manifest);
    image_config_clear(&import->config);
    if (import->folder)
        file_remove_tree(import->folder, NULL);
    file_autofd_close(&import->lock_fd);
    g_free(import->folder);
    g_free(import->digest);
    g_free(import->reference);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Import, import_clear)

ImageLimits image_limits_default(void)
{
    return (ImageLimits){.total_bytes = (gint64)32 << 30, .n_entries = 2000000, .n_parts = 2000, .depth = 128};
}

/* ---- manifest and configuration -----------------------------------------------------------------------------------
 */

static bool read_part(const Import *import, const char *name, char **ret_text, gsize *ret_length, GError **error)
{
    file_autofd int fd = parts_open_file(&import->parts, name, error);
    return fd >= 0 && file_read_fd(fd, name, MANIFEST_MAX_BYTES, ret_text, ret_length, error);
}

static char *blob_name(const char *digest)
{
    return g_strconcat("blobs/sha256/", digest + strlen("sha256:"), NULL);
}

static bool read_blob(const Import *import, const char *digest, char **ret_text, gsize *ret_length, GError **error)
{
    g_autofree char *name = blob_name(digest);
    if (!read_part(import, name, ret_text, ret_length, error))
        return false;
    g_autofree char *hex = file_sha256_bytes(*ret_text, *ret_length);
    return g_str_has_suffix(digest, hex) ||
           error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not what its name says: its digest is sha256:%s", name,
                     hex);
}

/* "amd64" as images say it. */
static const char *own_architecture(struct utsname *name)
{
    static const char *const names[][2] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}};
    uname(name);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name->machine, names[i][0]))
            return names[i][1];
    }
    return name->machine;
}

/* An index may lead to an index, once. */
static bool read_oci(Import *import, const char *architecture, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    if (!read_part(import, "index.json", &text, &length, error))
        return false;
    const int max_indexes = 4;
    for (int i = 0; i < max_indexes; i++) {
        g_auto(IndexEntry) entry = {0};
        if (!manifest_parse_index(text, length, architecture, &entry, error))
            return false;
        g_clear_pointer(&text, g_free);
        if (!read_blob(import, entry.digest, &text, &length, error))
            return false;
        if (!import->reference)
            import->reference = g_steal_pointer(&entry.reference);
        if (!entry.is_index)
            return manifest_parse_oci(text, length, &import->manifest, error);
    }
    return error_set(error, RUBRIC_ERROR_INVALID, "the image's index leads from index to index");
}

static bool read_oci_config(Import *import, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    import->digest = g_strdup(import->manifest.config);
    return read_blob(import, import->digest, &text, &length, error) &&
           manifest_parse_config(text, length, &import->config, error);
}

/* The configuration is called by its own digest. */
static bool read_docker_config(Import *import, GError **error)
{
    g_autofree char *text = NULL, *base = g_path_get_basename(import->manifest.config);
    gsize length;
    if (!read_part(import, import->manifest.config, &text, &length, error))
        return false;
    g_autofree char *hex = file_sha256_bytes(text, length);
    if (!g_str_has_prefix(base, hex))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "the configuration is not what its name says: its digest is sha256:%s", hex);
    import->digest = g_strconcat("sha256:", hex, NULL);
    return manifest_parse_config(text, length, &import->config, error);
}

static bool read_docker(Import *import, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    if (!read_part(import, "manifest.json", &text, &length, error) ||
        !manifest_parse_docker(text, length, &import->manifest, error) || !read_docker_config(import, error))
        return false;
    import->reference = g_strdup(import->manifest.reference);
    return true;
}

static bool read_description(Import *import, GError **error)
{
    struct utsname name;
    const char *architecture = own_architecture(&name);
    bool is_docker = parts_has(&import->parts, "manifest.json");
    if (!is_docker && !parts_has(&import->parts, "index.json"))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "it has neither manifest.json nor index.json: it is not what `docker save` or `podman save` "
                         "writes");
    if (is_docker ? !read_docker(import, error)
                  : !read_oci(import, architecture, error) || !read_oci_config(import, error))
        return false;
    if (import->config.architecture && !g_str_equal(import->config.architecture, architecture)) {
        g_autofree char *shown = text_escape_terminal(import->config.architecture, 40);
        return error_set(error, RUBRIC_ERROR_INVALID, "the image is for %s, and this machine is %s", shown,
                         architecture);
    }
    if (g_strv_length(import->manifest.layers) != g_strv_length(import->config.diff_ids))
        return error_set(error, RUBRIC_ERROR_INVALID, "the image has %u layers and digests of %u",
                         g_strv_length(import->manifest.layers), g_strv_length(import->config.diff_ids));
    return true;
}

/* ---- layers -------------------------------------------------------------------------------------------------------
 */

static bool add_layer(Import *import, guint i, GError **error)
{
    const char *layer = import->manifest.layers[i];
    bool is_blob = manifest_is_digest(layer);
    g_autofree char *name = is_blob ? blob_name(layer) : g_strdup(layer);
    file_autofd int fd = parts_open_file(&import->parts, name, error);
    if (fd < 0)
        return false;
    g_autofree char *hex = is_blob ? file_sha256_fd(fd, error) : NULL;
    if (is_blob && (!hex || !g_str_has_suffix(layer, hex)))
        return hex != NULL && error_set(error, RUBRIC_ERROR_INVALID,
                                        "layer %u is not what its name says: its digest is sha256:%s", i + 1, hex);
    return layers_add(&import->layers, fd, i + 1, import->config.diff_ids[i], error);
}

static bool add_layers(Import *import, GError **error)
{
    const mode_t mode = 0755;
    g_autofree char *root = g_build_filename(import->folder, "root", NULL);
    import->layers = (Layers){
        .tree = {.root_fd = -1, .folder_fd = -1}, .limits = import->limits, .left_bytes = import->limits->total_bytes};
    if (g_mkdir(root, mode) < 0)
        return error_set_errno(error, errno, "cannot make \"%s\"", root);
    import->layers.tree.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (import->layers.tree.root_fd < 0 || fchmod(import->layers.tree.root_fd, mode) < 0)
        return error_set_errno(error, errno, "cannot open \"%s\"", root);
    for (guint i = 0; import->manifest.layers[i]; i++) {
        if (!add_layer(import, i, error))
            return false;
    }
    return true;
}

static void add_remarks(const Layers *layers, GPtrArray *remarks)
{
    if (layers->n_special > 0)
        g_ptr_array_add(remarks, g_strdup_printf("%u devices, pipes or sockets were left out", layers->n_special));
    if (layers->n_set_id > 0)
        g_ptr_array_add(remarks,
                        g_strdup_printf("%u set-user-id or set-group-id bits were left out", layers->n_set_id));
}

/* ---- an image -----------------------------------------------------------------------------------------------------
 */

/* "registry/course/gcc:12" is "gcc-12", "gcc:latest" is "gcc". Caller frees; NULL: that makes no name. */
static char *name_from_reference(const char *reference)
{
    const char *slash = reference ? strrchr(reference, '/') : NULL;
    g_autofree char *name = g_strdup(slash ? slash + 1 : reference ? reference : "");
    char *tag = strchr(name, ':');
    if (tag && g_str_equal(tag, ":latest"))
        *tag = '\0';
    else if (tag)
        *tag = '-';
    return image_name_is_good(name) ? g_steal_pointer(&name) : NULL;
}

static Image *describe(Import *import, const char *name)
{
    Image *image = g_new0(Image, 1);
    image->name = name ? g_strdup(name) : name_from_reference(import->reference);
    image->digest = g_strdup(import->digest);
    image->reference = g_strdup(import->reference);
    image->root = image->name ? g_build_filename(import->images_folder, image->name, "root", NULL) : NULL;
    image->env = g_strdupv(import->config.env);
    image->folder = g_strdup(import->config.folder);
    image->n_layers = g_strv_length(import->manifest.layers);
    image->n_entries = import->layers.n_entries;
    image->bytes = import->limits->total_bytes - import->layers.left_bytes;
    image->imported_us = clock_now_us();
    return image;
}

/* With an image of that name there, both change places, and the old one goes with the temporary folder. */
static bool shelve(const Import *import, const Image *image, bool replaces, GError **error)
{
    const unsigned exchange = 2; /* RENAME_EXCHANGE */
    g_autofree char *ready = g_build_filename(import->folder, "ready", NULL);
    g_autofree char *root = g_build_filename(import->folder, "root", NULL);
    g_autofree char *target_root = g_build_filename(ready, "root", NULL);
    g_autofree char *target = g_build_filename(import->images_folder, image->name, NULL);
    const mode_t mode = 0755;
    if (g_mkdir(ready, mode) < 0 || g_rename(root, target_root) < 0)
        return error_set_errno(error, errno, "cannot make \"%s\"", ready);
    if (!shelf_write(ready, image, error))
        return false;
    bool is_there = g_file_test(target, G_FILE_TEST_EXISTS);
    if (is_there && !replaces)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "there is an image \"%s\" already; --replace replaces it, --name gives another name",
                         image->name);
    int r = (int)syscall(SYS_renameat2, AT_FDCWD, ready, AT_FDCWD, target, is_there ? exchange : 0);
    if (r < 0)
        return error_set_errno(error, errno, "cannot make \"%s\"", target);
    return file_sync_folder(import->images_folder, error);
}

static bool open_import(Import *import, int fd, GError **error)
{
    const mode_t own = 0700;
    if (!file_make_folder(import->images_folder, own, error))
        return false;
    import->folder = shelf_temporary(import->images_folder, &import->lock_fd, error);
    if (!import->folder)
        return false;
    g_autofree char *parts = g_build_filename(import->folder, "parts", NULL);
    if (g_mkdir(parts, own) < 0)
        return error_set_errno(error, errno, "cannot make \"%s\"", parts);
    return parts_open(fd, parts, import->limits, &import->parts, error);
}

Image *image_import(const char *images_folder, int fd, const char *name, bool replaces, const ImageLimits *limits,
                    GPtrArray *remarks, GError **error)
{
    g_auto(Import) import = {.images_folder = images_folder,
                             .limits = limits,
                             .lock_fd = -1,
                             .parts.folder_fd = -1,
                             .layers.tree = {.root_fd = -1, .folder_fd = -1}};
    if (!open_import(&import, fd, error) || !read_description(&import, error) || !add_layers(&import, error))
        return NULL;
    add_remarks(&import.layers, remarks);
    g_autoptr(Image) image = describe(&import, name);
    if (!image->name) {
        error_set(error, RUBRIC_ERROR_INVALID, "what the image was called makes no name here; give it one by --name");
        return NULL;
    }
    if (!shelve(&import, image, replaces, error))
        return NULL;
    setup_sweep(images_folder); /* of the image that it replaced */
    return g_steal_pointer(&image);
}
