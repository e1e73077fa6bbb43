/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Nothing but files, folders and links of plain modes may come out, whatever goes in. */
static void assert_plain(int folder_fd)
{
    DIR *folder = fdopendir(folder_fd);
    g_assert(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct stat info;
        g_assert(fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0);
        g_assert(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISLNK(info.st_mode));
        g_assert(S_ISLNK(info.st_mode) || (info.st_mode & 07000) == 0);
        g_assert(g_utf8_validate(entry->d_name, -1, NULL));
        if (S_ISDIR(info.st_mode))
            assert_plain(openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    closedir(folder);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    UnpackLimits limits = unpack_limits_default();
    limits.total_bytes = limits.file_bytes = 1 << 20;
    limits.n_entries = 100;
    limits.depth = 8;
    g_autofree char *path = g_dir_make_tmp("rubric-fuzz-XXXXXX", NULL);
    file_autofd int target = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    file_autofd int content = memfd_create("content", MFD_CLOEXEC);
    g_assert(target >= 0 && content >= 0);
    g_assert(file_write_all(content, data, size, NULL));
    g_assert(lseek(content, 0, SEEK_SET) == 0);

    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_autoptr(GError) error = NULL;
    bool unpacked = unpack_archive(content, "fuzz", target, &limits, findings, &error);
    g_assert_no_error(error);
    g_assert(unpacked && findings->len < 64);
    assert_plain(openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    file_remove_tree(path, NULL);
    return 0;
}
