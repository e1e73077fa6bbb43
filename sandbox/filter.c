/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filters were compiled at build time (filter_gen.c); here they are only handed to the kernel. */
#include "sandbox/box.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box_filter.h"

int filter_load(uint32_t calls, int *ret_holder_fd)
{
    if (calls > BOX_CALLS_ALL)
        return -EINVAL;
    struct sock_fprog program = {.len = filters[calls].length, .filter = (struct sock_filter *)filters[calls].code};
    *ret_holder_fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (*ret_holder_fd >= 0)
        return 0;
    /* EBUSY: somebody listens to a filter that we were born with. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}
