/* SPDX-License-Identifier: Apache-2.0 */
/* What the root*.c share. */
#pragma once

#include "sandbox/box.h"

#include <sys/mount.h>

static const uint64_t root_attr_read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
static const uint64_t root_attr_writable = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
static const uint64_t root_attr_device = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

/* Moves a detached mount to a path below the working directory. */
int root_attach(int fd, const char *target, Problem *problem);
/* Shows `source` over what an image has at `target`, below the working directory, if that is of the same kind and no
 * link leads there. */
int root_cover(const char *source, uint64_t attributes, const char *target, Problem *problem);
