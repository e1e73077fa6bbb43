/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Report files, after the last process of the box is dead. The paths are ours, everything that lies there may have been
 * made by the student: links, folders, pipes, files with a second name elsewhere. Nothing is followed, nothing blocks.
 */
#include "daemon/base/beneath.h"
#include "sandbox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static BoxReportState state_of_error(int error)
{
    switch (error) {
    case ENOENT:
        return BOX_REPORT_ABSENT;
    case ELOOP:   /* a link on the way or at the end */
    case EXDEV:   /* leads out */
    case ENOTDIR: /* something else on the way */
    case ENXIO:   /* a socket */
    case ENODEV:
        return BOX_REPORT_NOT_FILE;
    default:
        return BOX_REPORT_UNREADABLE;
    }
}

static int open_report(int root_fd, const char *path, int64_t max_bytes, BoxReportHead *head)
{
    char below[4096];
    int n =
        path[0] == '/' ? snprintf(below, sizeof below, ".%s", path) : snprintf(below, sizeof below, "./work/%s", path);
    head->state = BOX_REPORT_UNREADABLE;
    if (n < 0 || (size_t)n >= sizeof below)
        return -1;
    int fd = beneath_open(root_fd, below, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
    if (fd < 0) {
        head->state = state_of_error(errno);
        return -1;
    }
    struct stat info;
    if (fstat(fd, &info) < 0)
        head->state = BOX_REPORT_UNREADABLE;
    else if (!S_ISREG(info.st_mode) || info.st_nlink != 1)
        head->state = BOX_REPORT_NOT_FILE;
    else if (info.st_size > max_bytes)
        head->state = BOX_REPORT_TOO_LARGE;
    else
        head->state = BOX_REPORT_OK;
    head->size = info.st_size;
    if (head->state == BOX_REPORT_OK)
        return fd;
    close(fd);
    return -1;
}

static void send_report(const Box *box, int root_fd, uint32_t index)
{
    const BoxSpec *spec = &box->request.spec;
    BoxReportHead head = {.index = index};
    BoxWriter writer = {0};
    int fd = open_report(root_fd, spec->report_paths[index], spec->report_bytes, &head);
    box_report_encode(&head, &writer);
    if (!writer.failed)
        box_frame_send(box->control_fd, BOX_FRAME_REPORT, writer.data, writer.length, &fd, fd >= 0 ? 1 : 0);
    box_writer_clear(&writer);
    if (fd >= 0)
        close(fd);
}

void reports_send(const Box *box)
{
    int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (uint32_t i = 0; root_fd >= 0 && box->request.spec.report_paths[i]; i++)
        send_report(box, root_fd, i);
    if (root_fd >= 0)
        close(root_fd);
}
