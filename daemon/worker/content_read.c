/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader does once it is confined. */
#include "daemon/worker/checkout.h"
#include "daemon/worker/content.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* A folder takes the way of an archive, so that both are judged alike. */
static bool unpack_folder(int folder_fd, int workspace_fd, const UnpackLimits *limits, GPtrArray *findings,
                          GError **error)
{
    file_autofd int packed = memfd_create("packed", MFD_CLOEXEC);
    if (packed < 0)
        return error_set_errno(error, errno, "cannot make a file in memory");
    g_autoptr(GError) failure = NULL;
    if (!pack_folder(folder_fd, packed, limits, &failure)) {
        if (!g_error_matches(failure, RUBRIC_ERROR, RUBRIC_ERROR_LIMIT)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        g_ptr_array_add(findings,
                        finding_new("submission", "submission", "unpack", FINDING_FAIL, "%s", failure->message));
        return true;
    }
    if (lseek(packed, 0, SEEK_SET) < 0)
        return error_set_errno(error, errno, "cannot rewind a file in memory");
    return unpack_archive(packed, NULL, workspace_fd, limits, findings, error);
}

bool content_read(const WorkerJob *job, int content_fd, int workspace_fd, GPtrArray *findings, GError **error)
{
    switch (job->content_kind) {
    case CONTENT_ARCHIVE:
        return unpack_archive(content_fd, NULL, workspace_fd, &job->unpack, findings, error);
    case CONTENT_FOLDER:
        return unpack_folder(content_fd, workspace_fd, &job->unpack, findings, error);
    case CONTENT_GIT:
        return checkout_commit(job->content_path, job->git_commit, workspace_fd, &job->unpack, findings, error);
    }
    g_return_val_if_reached(false);
}
