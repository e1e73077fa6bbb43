/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of an image while it is unpacked: all by name below one folder, and never through a link, whatever the
 * layers before have put there.
 */
#pragma once

#include "daemon/images/images.h"

#include <sys/stat.h>

typedef struct {
    int root_fd;
    char *folder; /* the last parent that was looked up */
    int folder_fd;
} Tree;

void tree_clear(Tree *tree);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tree, tree_clear)

/* A name of a tar archive without "./" before it and "/" behind; NULL, and *ret_problem, for one that is absolute, has
 * a step "..", or is too deep. "" is the root itself. Caller frees. */
char *tree_clean_name(const char *name, gint64 max_depth, const char **ret_problem);

/* The folder that holds `name`, which stays the tree's; folders on the way are made if `makes`. -1 with errno: ELOOP or
 * ENOTDIR when a link or a file lies on the way. */
int tree_open_parent(Tree *tree, const char *name, bool makes, const char **ret_base);

/* Removes what `base` is in the folder, with all below. What is not there is fine. -errno. */
int tree_remove(Tree *tree, int folder_fd, const char *base);
/* Removes all that is below `name`, not itself. -errno. */
int tree_empty(Tree *tree, const char *name);
