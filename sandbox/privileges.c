/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int privileges_bound(Problem *problem)
{
    int capability = 0;
    while (prctl(PR_CAPBSET_DROP, capability) == 0)
        capability++;
    /* The kernel says where its list ends; who may not drop hears another error. */
    if (errno != EINVAL || capability == 0)
        return problem_set(problem, errno, "cannot empty the capability bounding set");
    return 0;
}

int privileges_drop(Problem *problem)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return problem_set(problem, errno, "cannot clear the ambient capabilities");
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                               SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_SET_SECUREBITS, bits) < 0)
        return problem_set(problem, errno, "cannot lock the securebits");
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &header, none) < 0)
        return problem_set(problem, errno, "cannot drop the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return problem_set(problem, errno, "cannot set no_new_privs");
    return 0;
}
