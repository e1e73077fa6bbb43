/* SPDX-License-Identifier: Apache-2.0 */
/* One box's group: limits in, figures out. */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- control files
 * --------------------------------------------------------------------------------------------------- */

static int write_text(int folder_fd, const char *control, const char *text)
{
    int fd = openat(folder_fd, control, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

static int write_number(int folder_fd, const char *control, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return write_text(folder_fd, control, text);
}

static bool read_fd(int fd, char *text, size_t size)
{
    ssize_t n = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The number after `key` at the start of a line, or the first number where key is NULL; -1 if there is none. */
static int64_t find_number(const char *text, const char *key)
{
    const char *at = text;
    size_t n = key ? strlen(key) : 0;
    while (key && at && !(strncmp(at, key, n) == 0 && at[n] == ' ')) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (!at || !*at)
        return -1;
    char *end;
    long long number = strtoll(at + n, &end, 10);
    return end == at + n || number < 0 ? -1 : (int64_t)number;
}

/* The file of a group, by the version of its controller. */
typedef struct {
    CgroupController controller;
    const char *names[2];
    const char *keys[2]; /* of the line with the number; NULL: there is nothing else in the file */
} FileOf;

static const FileOf files[CGROUP_N_FILES] = {
    [CGROUP_FILE_CPU] = {CGROUP_CPU, {"cpuacct.usage", "cpu.stat"}, {NULL, "usage_usec"}},
    [CGROUP_FILE_MEMORY] = {CGROUP_MEMORY, {"memory.max_usage_in_bytes", "memory.peak"}, {NULL, NULL}},
    [CGROUP_FILE_OOM] = {CGROUP_MEMORY, {"memory.oom_control", "memory.events"}, {"oom_kill", "oom_kill"}},
    [CGROUP_FILE_PROCESSES] = {CGROUP_PIDS, {"pids.peak", "pids.peak"}, {NULL, NULL}},
    [CGROUP_FILE_THROTTLED] = {CGROUP_SHARE, {"cpu.stat", "cpu.stat"}, {"throttled_time", "throttled_usec"}},
    [CGROUP_FILE_REFUSED] = {CGROUP_PIDS, {"pids.events", "pids.events"}, {"max", "max"}},
};

static void open_files(CgroupGroup *group)
{
    for (int i = 0; i < CGROUP_N_FILES; i++) {
        int version = group->version[files[i].controller];
        if (version && group->file_fd[i] < 0)
            group->file_fd[i] =
                openat(group->folder_fd[files[i].controller], files[i].names[version - 1], O_RDONLY | O_CLOEXEC);
    }
}

/* The number after `key`, NULL for the first one; -1 where it cannot be known. */
static int64_t read_number(const CgroupGroup *group, CgroupFile file, const char *key)
{
    char text[4096];
    return read_fd(group->file_fd[file], text, sizeof text) ? find_number(text, key) : -1;
}

static int64_t read_file(const CgroupGroup *group, CgroupFile file)
{
    int version = group->version[files[file].controller];
    return version ? read_number(group, file, files[file].keys[version - 1]) : -1;
}

/* ---- making
 * ---------------------------------------------------------------------------------------------------------- */

static int limit_memory(int version, int fd, int64_t memory_bytes)
{
    if (version == 2) {
        int r = write_number(fd, "memory.max", memory_bytes);
        /* Without swap accounting there is no such file, and nothing to forbid. */
        write_text(fd, "memory.swap.max", "0");
        return r;
    }
    int r = write_number(fd, "memory.limit_in_bytes", memory_bytes);
    /* Never may memory alone be allowed more than both: an earlier, lower limit is raised in the other order. */
    bool is_raised = r == -EINVAL && write_number(fd, "memory.memsw.limit_in_bytes", memory_bytes) == 0;
    if (is_raised)
        r = write_number(fd, "memory.limit_in_bytes", memory_bytes);
    else if (r == 0)
        write_number(fd, "memory.memsw.limit_in_bytes", memory_bytes);
    return r;
}

/* In version 2 all controllers share one folder, and so may those that version 1 mounts together. */
static int first_with_same_folder(const CgroupHome *home, int controller)
{
    for (int i = 0; i < controller; i++) {
        if (home->version[i] && strcmp(home->folder[i], home->folder[controller]) == 0)
            return i;
    }
    return controller;
}

/* Is what is open still what lies there? A client that sweeps may have taken the new group for a dead one's. */
static bool is_still_there(int folder_fd, const char *path)
{
    struct stat opened, found;
    return fstat(folder_fd, &opened) == 0 && stat(path, &found) == 0 && opened.st_ino == found.st_ino;
}

/* -ENOENT: somebody removed it, or its home, in between; try again. */
static int make_one(const char *folder, int version, const char *name, int *ret_folder_fd, int *ret_procs_fd)
{
    char path[sizeof((CgroupHome){0}.folder[0]) + 80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const mode_t mode = 0755;
    if (mkdir(path, mode) < 0)
        return -errno;
    int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int procs_fd = -1, r = folder_fd < 0 || flock(folder_fd, LOCK_SH) < 0 ? -errno : 0;
    /* From here on no sweep removes it. */
    if (r == 0 && !is_still_there(folder_fd, path))
        r = -ENOENT;
    if (r == 0) {
        /* A thread that moves itself does not wait for all processors, as a process does; who enters has one thread. */
        procs_fd = openat(folder_fd, version == 1 ? "tasks" : "cgroup.procs", O_WRONLY | O_CLOEXEC);
        r = procs_fd < 0 ? -errno : 0;
    }
    if (r < 0) {
        rmdir(path);
        if (folder_fd >= 0)
            close(folder_fd);
        return r;
    }
    *ret_folder_fd = folder_fd;
    *ret_procs_fd = procs_fd;
    return 0;
}

int cgroup_group_limit(CgroupGroup *group, int64_t memory_bytes, int64_t processes)
{
    int r = 0;
    if (group->version[CGROUP_MEMORY] && group->memory_bytes != memory_bytes)
        r = limit_memory(group->version[CGROUP_MEMORY], group->folder_fd[CGROUP_MEMORY], memory_bytes);
    if (r < 0)
        return r;
    group->memory_bytes = memory_bytes;
    if (group->version[CGROUP_PIDS] && group->processes != processes)
        r = write_number(group->folder_fd[CGROUP_PIDS], "pids.max", processes);
    if (r == 0)
        group->processes = processes;
    return r;
}

/* Gives the group its folder of a controller that the home has. */
static int join(const CgroupHome *home, const char *name, int controller, CgroupGroup *group)
{
    if (!home->version[controller])
        return 0;
    int first = first_with_same_folder(home, controller);
    if (first == controller) {
        int r = make_one(home->folder[controller], home->version[controller], name, &group->folder_fd[controller],
                         &group->procs_fd[controller]);
        if (r < 0)
            return r;
    } else {
        group->folder_fd[controller] = group->folder_fd[first];
    }
    group->version[controller] = home->version[controller];
    return 0;
}

static int make_all(const CgroupHome *home, const char *name, CgroupGroup *group)
{
    int r = 0;
    for (int i = 0; i < CGROUP_SHARE && r == 0; i++)
        r = join(home, name, i, group);
    return r;
}

int cgroup_group_make(const CgroupHome *home, const char *name, int64_t memory_bytes, int64_t processes,
                      CgroupGroup *ret_group)
{
    CgroupGroup group = CGROUP_GROUP_INIT;
    int r = make_all(home, name, &group);
    for (int tries = 0; r == -ENOENT && tries < 5; tries++) {
        /* Another client that ended removed the empty home between our finding and our using it. */
        cgroup_group_remove(home, name, &group);
        r = cgroup_home_remake(home) ? make_all(home, name, &group) : -ENOENT;
    }
    if (r == 0 && memory_bytes > 0)
        r = cgroup_group_limit(&group, memory_bytes, processes);
    if (r < 0) {
        cgroup_group_remove(home, name, &group);
        return r;
    }
    open_files(&group);
    *ret_group = group;
    return 0;
}

int cgroup_group_bound_cpus(const CgroupHome *home, const char *name, int64_t cpus_milli, CgroupGroup *group)
{
    const int64_t period_us = 100000, one_milli = 1000;
    const int controller = CGROUP_SHARE;
    int r = join(home, name, controller, group);
    int fd = group->folder_fd[controller], version = group->version[controller];
    if (r < 0 || !version)
        return r;
    open_files(group);
    int64_t quota_us = cpus_milli * period_us / one_milli;
    if (version == 1) {
        r = write_number(fd, "cpu.cfs_period_us", period_us);
        return r < 0 ? r : write_number(fd, "cpu.cfs_quota_us", quota_us);
    }
    char text[64];
    snprintf(text, sizeof text, "%lld %lld", (long long)quota_us, (long long)period_us);
    return write_text(fd, "cpu.max", text);
}

bool cgroup_group_exists(const CgroupGroup *group)
{
    return group->folder_fd[0] >= 0 || group->folder_fd[1] >= 0 || group->folder_fd[2] >= 0;
}

int cgroup_group_enter(const CgroupGroup *group)
{
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (group->procs_fd[i] >= 0 && write(group->procs_fd[i], "0", 1) != 1)
            return -errno;
    }
    return 0;
}

/* ---- figures
 * --------------------------------------------------------------------------------------------------------- */

static int64_t from_ns(int64_t ns)
{
    return ns < 0 ? -1 : ns / 1000;
}

int64_t cgroup_group_cpu_us(const CgroupGroup *group)
{
    int64_t time = read_file(group, CGROUP_FILE_CPU);
    return group->version[CGROUP_CPU] == 1 ? from_ns(time) : time;
}

void cgroup_group_read(const CgroupGroup *group, CgroupFigures *ret_figures)
{
    int64_t throttled = read_file(group, CGROUP_FILE_THROTTLED);
    bool is_divided = group->version[CGROUP_CPU] == 2;
    *ret_figures = (CgroupFigures){
        .cpu_us = cgroup_group_cpu_us(group),
        .user_us = is_divided ? read_number(group, CGROUP_FILE_CPU, "user_usec") : -1,
        .system_us = is_divided ? read_number(group, CGROUP_FILE_CPU, "system_usec") : -1,
        .throttled_us = group->version[CGROUP_SHARE] == 1 ? from_ns(throttled) : throttled,
        .peak_memory_bytes = read_file(group, CGROUP_FILE_MEMORY),
        .oom_kills = read_file(group, CGROUP_FILE_OOM),
        .peak_processes = read_file(group, CGROUP_FILE_PROCESSES),
        .refused_forks = read_file(group, CGROUP_FILE_REFUSED),
    };
}

/* ---- removing
 * -------------------------------------------------------------------------------------------------------- */

static bool remove_one(const char *folder, const char *name)
{
    char path[sizeof((CgroupHome){0}.folder[0]) + 80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    /* The last process may still be on its way out: up to a second in all. */
    for (int tries = 0; tries < 200; tries++) {
        if (rmdir(path) == 0 || errno == ENOENT)
            return true;
        if (errno != EBUSY)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = tries < 10 ? 200000 : 5000000}, NULL);
    }
    return false;
}

bool cgroup_group_remove(const CgroupHome *home, const char *name, CgroupGroup *group)
{
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (group->procs_fd[i] >= 0) {
            close(group->procs_fd[i]);
            close(group->folder_fd[i]);
        }
    }
    for (int i = 0; i < CGROUP_N_FILES; i++) {
        if (group->file_fd[i] >= 0)
            close(group->file_fd[i]);
    }
    *group = (CgroupGroup)CGROUP_GROUP_INIT;
    bool is_gone = true;
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (home->version[i] && first_with_same_folder(home, i) == i)
            is_gone &= remove_one(home->folder[i], name);
    }
    return is_gone;
}
