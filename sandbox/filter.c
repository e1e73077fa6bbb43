/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filters were compiled at build time (filter_gen.c); here they are only handed to the kernel. */
#include "sandbox/box.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box_filter.h"

int filter_load(BoxProfile profile)
{
    struct sock_fprog program = {.len = sizeof filter_strict / sizeof *filter_strict,
                                 .filter = (struct sock_filter *)filter_strict};
    if (profile == BOX_PROFILE_BUILD)
        program = (struct sock_fprog){sizeof filter_build / sizeof *filter_build, (struct sock_filter *)filter_build};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}
