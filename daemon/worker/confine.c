/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root keeps its user namespace, since boxes need real privileges to give each its uid and cgroup; everybody else makes
 * one with the own uid mapped to itself, so that rubric-box below finds an ordinary unprivileged user. The tmpfs is
 * mounted over a folder that every Debian has and no job uses: a mount point of our own making would outlive a SIGKILL.
 */
#include "daemon/worker/confine.h"
#include "daemon/worker/mounts.h"

#include "daemon/worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const mount_points[] = {"/boot", "/media", "/mnt"};

void confinement_clear(Confinement *confinement)
{
    g_clear_pointer(&confinement->workspace, g_free);
    if (confinement->workspace_fd >= 0)
        g_close(file_steal_fd(&confinement->workspace_fd), NULL);
}

static bool write_proc(const char *path, const char *text, GError **error)
{
    file_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return error_set_errno(error, errno, "cannot write \"%s\" to \"%s\"", text, path);
    return true;
}

static bool enter_user_namespace(GError **error)
{
    g_autofree char *uid_map = g_strdup_printf("%u %u 1", geteuid(), geteuid());
    g_autofree char *gid_map = g_strdup_printf("%u %u 1", getegid(), getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) < 0)
        return error_set(
            error, RUBRIC_ERROR_SYSTEM,
            "this machine lets an ordinary user make no user namespace (%s); `rubric doctor` says how to allow it, "
            "or run as root",
            g_strerror(errno));
    return write_proc("/proc/self/setgroups", "deny", error) && write_proc("/proc/self/uid_map", uid_map, error) &&
           write_proc("/proc/self/gid_map", gid_map, error);
}

static const char *choose_mount_point(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(mount_points); i++) {
        if (g_file_test(mount_points[i], G_FILE_TEST_IS_DIR) && !g_file_test(mount_points[i], G_FILE_TEST_IS_SYMLINK))
            return mount_points[i];
    }
    return NULL;
}

bool confine_enter(bool is_off_network, Confinement *ret_confinement, GError **error)
{
    Confinement confinement = {.workspace_fd = -1, .is_privileged = true, .mount_point = choose_mount_point()};
    if (!confinement.mount_point)
        return error_set(error, RUBRIC_ERROR_SYSTEM,
                         "this machine has none of the folders /boot, /media and /mnt to mount over");
    if (unshare(CLONE_NEWNS | (is_off_network ? 0 : CLONE_NEWNET)) < 0) {
        if (errno != EPERM)
            return error_set_errno(error, errno, "cannot make namespaces");
        confinement.is_privileged = false;
        if (!enter_user_namespace(error))
            return false;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_set_errno(error, errno, "cannot part with the machine's mounts");
    /* Anew, since the change of credentials above may have cleared it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    umask(022);
    *ret_confinement = confinement;
    return true;
}

static bool lies_below(const char *path, const char *folder)
{
    gsize length = strlen(folder);
    return path && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool confine_make_workspace(Confinement *confinement, const WorkerJob *job, uid_t uid, GError **error)
{
    const char *at = confinement->mount_point;
    if (lies_below(job->content_path, at) || lies_below(job->course_folder, at))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "neither submissions nor courses may lie below \"%s\": workers mount their workspace there",
                         at);
    /* Each file takes whole pages; beyond the submission there is room for what checks write into a kept workspace. */
    const gint64 page_bytes = 4096, room_bytes = 256 << 20, room_entries = 100000;
    if (!worker_mounts.disk(at, job->unpack.total_bytes + job->unpack.n_entries * page_bytes + room_bytes,
                            job->unpack.n_entries + room_entries, error)) {
        g_prefix_error(error, "the workspace: ");
        return false;
    }

    confinement->workspace = g_build_filename(at, "workspace", NULL);
    if (mkdir(confinement->workspace, 0755) < 0)
        return error_set_errno(error, errno, "cannot make the workspace");
    confinement->workspace_fd = open(confinement->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (confinement->workspace_fd < 0)
        return error_set_errno(error, errno, "cannot open the workspace");
    confinement->reader_uid = uid;
    if (confinement->is_privileged && fchown(confinement->workspace_fd, uid, uid) < 0)
        return error_set_errno(error, errno, "cannot hand the workspace to uid %u", (unsigned)uid);
    return true;
}

/* ---- the reader
 * ------------------------------------------------------------------------------------------------------- */

static bool keep_capabilities(guint32 mask, GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = mask, .permitted = mask}};
    if (syscall(SYS_capset, &header, data) < 0)
        return error_set_errno(error, errno, "cannot drop capabilities");
    return true;
}

static bool become_user(uid_t uid, GError **error)
{
    /* Without the kernel's own fixing of capabilities access(2) goes by ours too, and libgit2 asks it about loose
     * objects; keep_capabilities takes the rest away. */
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
        return error_set_errno(error, errno, "cannot keep capabilities over a change of user");
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return error_set_errno(error, errno, "cannot become uid %u to read a submission", (unsigned)uid);
    return true;
}

static void limit(int resource, gint64 most)
{
    struct rlimit current = {0};
    getrlimit((__rlimit_resource_t)resource, &current);
    rlim_t wanted = MIN((rlim_t)most, current.rlim_max);
    struct rlimit bound = {.rlim_cur = wanted, .rlim_max = wanted};
    setrlimit((__rlimit_resource_t)resource, &bound);
}

bool confine_reader(const Confinement *confinement, const UnpackLimits *limits, int reads_folder, gint64 memory_bytes,
                    GError **error)
{
    const gint64 ms_per_second = 1000, max_open_files = 64, packing_bytes = 64 << 20;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, limits->wall_ms / ms_per_second + 1);
    limit(RLIMIT_NOFILE, max_open_files);
    limit(RLIMIT_FSIZE, limits->total_bytes + packing_bytes);
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is larger than any limit */
    limit(RLIMIT_AS, memory_bytes);
#endif
    signal(SIGXFSZ, SIG_IGN);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_errno(error, errno, "cannot give up new privileges");
    if (!landlock_restrict(confinement->workspace_fd, reads_folder, error))
        return false;
    if (confinement->is_privileged && !become_user(confinement->reader_uid, error))
        return false;
    /* Root's repositories and folders stay readable to it; Landlock says which. */
    bool reads_as_root = confinement->is_privileged && reads_folder >= 0;
    if (!keep_capabilities(reads_as_root ? 1U << CAP_DAC_READ_SEARCH : 0, error))
        return false;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* cleared by the change of uid */
    return true;
}
