/* SPDX-License-Identifier: Apache-2.0 */
/* One course folder a process, for targets that load files; removed when the process ends. */
#pragma once

#include "graders/graders.h"

#include <stdio.h>
#include <stdlib.h>

static char *course_folder;

static inline void course_folder_remove(void)
{
    file_remove_tree(course_folder, NULL);
    g_free(course_folder);
}

/* Writes a file of it; no fsync, unlike g_file_set_contents. */
static inline void course_folder_put(const char *path, const void *data, gsize size)
{
    g_autofree char *full = g_build_filename(course_folder, path, NULL);
    FILE *file = fopen(full, "w");
    g_assert(file && fwrite(data, 1, size, file) == size);
    fclose(file);
}

static inline void course_folder_make(void)
{
    if (course_folder)
        return;
    static const char *const folders[] = {"rubrics", "checks"};
    course_folder = g_dir_make_tmp("rubric-fuzz-XXXXXX", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_build_filename(course_folder, folders[i], NULL);
        g_assert(g_mkdir(folder, 0700) == 0);
    }
    course_folder_put("checks/a.txt", "a\n", 2);
    atexit(course_folder_remove);
}
