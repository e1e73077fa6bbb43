/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filters were compiled at build time (filter_gen.c); here they are only handed to the kernel. */
#include "sandbox/box.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box_filter.h"

int filter_load(uint32_t calls)
{
    if (calls > BOX_CALLS_ALL)
        return -EINVAL;
    struct sock_fprog program = {.len = filters[calls].length, .filter = (struct sock_filter *)filters[calls].code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}
