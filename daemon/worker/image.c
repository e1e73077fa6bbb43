/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/image.h"
#include "daemon/images/images.h"

#include <fcntl.h>
#include <string.h>

/* The distribution and the exact versions of all packages: what decides how a student's program is compiled and run. */
static const char *const image_files[] = {"/etc/os-release", "/var/lib/dpkg/status"};

char *worker_image_digest(GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (gsize i = 0; i < G_N_ELEMENTS(image_files); i++) {
        file_autofd int fd = open(image_files[i], O_RDONLY | O_CLOEXEC);
        g_autofree char *digest = fd >= 0 ? file_sha256_fd(fd, error) : g_strdup("absent");
        if (!digest)
            return NULL;
        g_autofree char *line = g_strdup_printf("%s %s\n", image_files[i], digest);
        g_checksum_update(sum, (const guchar *)line, -1);
    }
    return g_strdup_printf("host:sha256:%s", g_checksum_get_string(sum));
}

/* What stands for it in a verdict; NULL: it is not there, and each check that needs it says so. */
static char *name_of(const RubricImage *wanted, const char *images_folder)
{
    if (wanted->folder)
        return g_strdup_printf("folder:%s", wanted->folder);
    g_autoptr(Image) image = images_folder ? image_find(images_folder, wanted->name, NULL) : NULL;
    return image ? g_strdup_printf("%s:%s", image->name, image->digest) : NULL;
}

char *image_digest_with(const char *of_host, const Rubric *rubric, const char *images_folder)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GString *text = g_string_new(of_host);
    for (guint i = 0; i < rubric->images->len; i++) {
        char *name = name_of(g_ptr_array_index(rubric->images, i), images_folder);
        if (!name || g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
            g_free(name);
            continue;
        }
        g_ptr_array_add(names, name);
        g_string_append_printf(text, " %s", name);
    }
    return g_string_free(text, FALSE);
}
