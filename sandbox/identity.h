/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a box runs as, seen from outside of it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Chooses the uid (and the gid of the same number) of this process's boxes. Where ids can be changed: one from a range
 * that no system gives to anybody, else the highest that the caller's user namespace maps; *ret_is_own is then true.
 * Where not: the caller's own, and false. */
void identity_choose(uid_t *ret_uid, bool *ret_is_own);
