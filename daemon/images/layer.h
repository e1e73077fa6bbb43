/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an image, one over the other. */
#pragma once

#include "daemon/images/tree.h"

typedef struct {
    Tree tree;
    const ImageLimits *limits;
    gint64 left_bytes; /* of limits->total_bytes */
    gint64 n_entries;
    guint n_special, n_set_id; /* left out: devices, pipes and sockets; bits that change who runs a program */
} Layers;

/* Unpacks the layer behind `fd` over those before it. First it is read once for its digest and for what it takes away,
 * then for what it brings. `number` is for messages, from 1. INVALID: the digest is another, or an entry is refused. */
bool layers_add(Layers *layers, int fd, guint number, const char *digest, GError **error);
