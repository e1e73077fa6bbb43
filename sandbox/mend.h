/* SPDX-License-Identifier: Apache-2.0 */
/* What to type on this machine to mend what a box lacks. Each fills `buffer` with text of at most `size` bytes with the
 * NUL: one command a line, and after `#` what only words can say. */
#pragma once

#include "sandbox/cgroup.h"

/* `program`: path of rubric-box; `error`: the errno with which namespaces were refused. */
void mend_namespaces(const char *program, int error, char *buffer, size_t size);
/* `parent` as of cgroup_home_find. */
void mend_group(CgroupController controller, const char *parent, char *buffer, size_t size);
void mend_landlock(char *buffer, size_t size);
void mend_own_user(char *buffer, size_t size);
