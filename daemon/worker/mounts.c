/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool mount_disk(const char *folder, gint64 bytes, gint64 n_entries, GError **error)
{
    g_autofree char *options =
        g_strdup_printf("mode=0755,size=%" G_GINT64_FORMAT ",nr_inodes=%" G_GINT64_FORMAT, bytes, n_entries);
    return mount("rubric-worker", folder, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0 ||
           error_set_errno(error, errno, "cannot mount a disk on \"%s\"", folder);
}

/* Commas and colons divide its options. */
static void append_path(GString *options, const char *path)
{
    for (; *path; path++) {
        if (strchr(",:\\", *path))
            g_string_append_c(options, '\\');
        g_string_append_c(options, *path);
    }
}

static bool mount_overlay(const char *const *lowers, const char *upper, const char *work, const char *folder,
                          GError **error)
{
    g_autoptr(GString) options = g_string_new("lowerdir=");
    for (const char *const *lower = lowers; *lower; lower++) {
        g_string_append(options, lower == lowers ? "" : ":");
        append_path(options, *lower);
    }
    if (upper) {
        g_string_append(options, ",upperdir=");
        append_path(options, upper);
        g_string_append(options, ",workdir=");
        append_path(options, work);
    }
    /* Its notes are in attributes that only root may write, unless it is told to take others. */
    g_string_append(options, geteuid() == 0 ? "" : ",userxattr");
    const unsigned long flags = MS_NOSUID | MS_NODEV | (upper ? 0 : MS_RDONLY);
    return mount("overlay", folder, "overlay", flags, options->str) == 0 ||
           error_set_errno(error, errno, "cannot lay a setup over \"%s\"", *lowers);
}

static void unmount(const char *folder)
{
    umount2(folder, MNT_DETACH | UMOUNT_NOFOLLOW);
}

const GraderMounts worker_mounts = {.disk = mount_disk, .overlay = mount_overlay, .unmount = unmount};
