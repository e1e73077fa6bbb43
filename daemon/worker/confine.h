/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps a worker from doing harm, and from leaving anything behind.
 */
#pragma once

#include "daemon/worker/worker.h"

typedef struct {
    bool is_privileged;      /* real root: hostile bytes are read, and files owned, under `reader_uid` */
    uid_t reader_uid;        /* set by confine_make_workspace */
    const char *mount_point; /* of the worker's tmpfs, in its own mount namespace only */
    char *workspace;         /* folder for the submission's files; NULL before confine_make_workspace */
    int workspace_fd;
} Confinement;

void confinement_clear(Confinement *confinement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Confinement, confinement_clear)

/* Own mount and network namespaces (and user namespace, when not root), death with the parent, no core dumps. Call
 * once, early. `is_off_network`: this process has an empty network namespace already. */
bool confine_enter(bool is_off_network, Confinement *ret_confinement, GError **error);

/* Mounts a tmpfs that `job` fits in and makes the workspace on it, owned by `uid` (that of the boxes, who may change
 * it) when we are root. INVALID: the job's own files lie below the mount point. */
bool confine_make_workspace(Confinement *confinement, const WorkerJob *job, uid_t uid, GError **error);

/* For the child that reads hostile bytes: another uid than root, no capability (but reading, with `reads_folder`),
 * Landlock, limits of memory, time and files. `reads_folder`: a folder to read besides the workspace; -1: none. Never
 * to be undone. */
bool confine_reader(const Confinement *confinement, const UnpackLimits *limits, int reads_folder, gint64 memory_bytes,
                    GError **error);
