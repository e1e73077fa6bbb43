/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups of versions 1 and 2: one group a box, below the caller's own group or where the machine lets us.
 *
 * The client finds the home (the folders that our groups are made in) once; rubric-box makes a group there for each box
 * and removes it. Whoever outlives the other removes what is left: the client knows the name, and a new client sweeps
 * groups that nobody holds (each rubric-box keeps a shared flock on its group).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,
    CGROUP_SHARE, /* of the processors; a group has it when a box asks */
    CGROUP_N_CONTROLLERS,
} CgroupController;

/* Where groups are made: per controller a folder that exists, in which we may make folders. */
typedef struct {
    int version[CGROUP_N_CONTROLLERS]; /* 0: this controller cannot be had */
    char folder[CGROUP_N_CONTROLLERS][512];
} CgroupHome;

/* Files that tell what a group has used. */
typedef enum {
    CGROUP_FILE_CPU,
    CGROUP_FILE_MEMORY,
    CGROUP_FILE_OOM,
    CGROUP_FILE_PROCESSES,
    CGROUP_FILE_REFUSED,
    CGROUP_FILE_THROTTLED,
    CGROUP_N_FILES,
} CgroupFile;

/* One box's group. fds -1 where there is none. */
typedef struct {
    int version[CGROUP_N_CONTROLLERS];
    int folder_fd[CGROUP_N_CONTROLLERS]; /* held with a shared flock; one fd for all in version 2 */
    int procs_fd[CGROUP_N_CONTROLLERS];  /* writing "0" enters the group; -1 where another entry does it already */
    int file_fd[CGROUP_N_FILES];         /* opened with the group, because the status waits for reading them */
    int64_t memory_bytes, processes;     /* the limits that are set; 0: none */
} CgroupGroup;

#define CGROUP_GROUP_INIT                                                                                              \
    {                                                                                                                  \
        .folder_fd = {-1, -1, -1, -1}, .procs_fd = {-1, -1, -1, -1}, .file_fd = { -1, -1, -1, -1, -1, -1 }             \
    }

/* What a group has used. -1: not known. */
typedef struct {
    int64_t cpu_us, user_us, system_us, throttled_us;
    int64_t peak_memory_bytes;
    int64_t peak_processes;
    int64_t oom_kills;
    int64_t refused_forks;
} CgroupFigures;

/* Finds (and makes) the home named `parent`, NULL for "rubricd". What cannot be had stays version 0. */
void cgroup_home_find(const char *parent, CgroupHome *ret_home);

/* The folder that would have to exist and be ours for `controller`, and of which version it is: in the first hierarchy
 * that has it; 0: none is mounted. */
int cgroup_home_wanted(CgroupController controller, const char *parent, char *folder, size_t size);

/* Makes the home's folders again after another client removed them. */
bool cgroup_home_remake(const CgroupHome *home);
/* Removes the home's folders unless a group is in them. */
void cgroup_home_remove(const CgroupHome *home);

/* Removes groups in the home that nobody holds. */
void cgroup_home_sweep(const CgroupHome *home);

/* Makes the group `name` with limits (0: none yet). 0, or -errno with nothing left behind. */
int cgroup_group_make(const CgroupHome *home, const char *name, int64_t memory_bytes, int64_t processes,
                      CgroupGroup *ret_group);
/* Sets the limits that are not set so already. 0 or -errno. */
int cgroup_group_limit(CgroupGroup *group, int64_t memory_bytes, int64_t processes);
/* Bounds the processors, thousandths of one, where the home can. 0 or -errno. */
int cgroup_group_bound_cpus(const CgroupHome *home, const char *name, int64_t cpus_milli, CgroupGroup *group);
bool cgroup_group_exists(const CgroupGroup *group);
/* Moves the calling process in. Async-signal-safe. */
int cgroup_group_enter(const CgroupGroup *group);
/* CPU time so far, in microseconds; -1 when not known. */
int64_t cgroup_group_cpu_us(const CgroupGroup *group);
void cgroup_group_read(const CgroupGroup *group, CgroupFigures *ret_figures);
/* Closes the fds and removes the group `name`, waiting a little for its dead to leave. False: something is left. */
bool cgroup_group_remove(const CgroupHome *home, const char *name, CgroupGroup *group);
