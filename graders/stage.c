/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/stage.h"

#include "graders/kit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool make_folder(const char *path, GError **error)
{
    const mode_t everybody_reads = 0755;
    if (mkdir(path, everybody_reads) == 0)
        return true;
    return error_set_errno(error, errno, "cannot make \"%s\" for an autograder", path);
}

bool stage_open(Stage *stage, const GraderContext *context, GError **error)
{
    g_autofree char *random = g_uuid_string_random();
    stage->context = context;
    stage->paths = g_ptr_array_new_with_free_func(g_free);
    stage->binds = g_array_new(FALSE, FALSE, sizeof(BoxBind));
    stage->mounted = g_ptr_array_new_with_free_func(g_free);
    stage->folder = g_strdup_printf("%s/autograder-%s", context->scratch_folder, random);
    return make_folder(stage->folder, error);
}

void stage_clear(Stage *stage)
{
    for (guint i = stage->mounted ? stage->mounted->len : 0; i-- > 0;)
        stage->context->mounts->unmount(g_ptr_array_index(stage->mounted, i));
    if (stage->folder)
        file_remove_tree(stage->folder, NULL); /* the worker's tmpfs goes soon anyway */
    g_free(stage->folder);
    g_clear_pointer(&stage->paths, g_ptr_array_unref);
    g_clear_pointer(&stage->binds, g_array_unref);
    g_clear_pointer(&stage->mounted, g_ptr_array_unref);
}

char *stage_make_folder(Stage *stage, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(stage->folder, name, NULL);
    return make_folder(path, error) ? g_steal_pointer(&path) : NULL;
}

void stage_show(Stage *stage, char *source, const char *target, bool is_writable)
{
    char *own_target = g_strdup(target);
    BoxBind bind = {.source = source, .target = own_target, .writable = is_writable};
    g_ptr_array_add(stage->paths, source);
    g_ptr_array_add(stage->paths, own_target);
    g_array_append_val(stage->binds, bind);
}

bool stage_show_text(Stage *stage, const char *name, const char *text, const char *target, GError **error)
{
    const mode_t everybody_runs = 0755;
    g_autofree char *path = g_build_filename(stage->folder, name, NULL);
    if (!file_write_atomic(path, text, strlen(text), everybody_runs, error))
        return false;
    stage_show(stage, g_steal_pointer(&path), target, false);
    return true;
}

bool stage_show_kit(Stage *stage, const char *kit, GError **error)
{
    static const char target[] = STAGE_IN_BOX "/kit";
    g_autofree char *source = g_build_filename(stage->context->course_folder, kit, NULL);
    if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
        stage_show(stage, g_steal_pointer(&source), target, false);
        return true;
    }
    g_autofree char *unpacked = stage_make_folder(stage, "kit", error);
    if (!unpacked)
        return false;
    if (!kit_unpack(source, unpacked, error)) {
        g_prefix_error(error, "the autograder \"%s\" cannot be used: ", kit);
        return false;
    }
    stage_show(stage, g_steal_pointer(&unpacked), target, false);
    return true;
}

char *stage_mount_disk(Stage *stage, gint64 bytes, gint64 n_entries, GError **error)
{
    g_autofree char *folder = stage_make_folder(stage, "disk", error);
    if (!folder || !stage->context->mounts->disk(folder, bytes, n_entries, error))
        return NULL;
    g_ptr_array_add(stage->mounted, g_strdup(folder));
    return g_steal_pointer(&folder);
}

bool stage_mount_overlay(Stage *stage, const char *const *lowers, const char *upper, const char *work,
                         const char *folder, GError **error)
{
    if (!stage->context->mounts->overlay(lowers, upper, work, folder, error))
        return false;
    g_ptr_array_add(stage->mounted, g_strdup(folder));
    return true;
}
