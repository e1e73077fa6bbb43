/* SPDX-License-Identifier: Apache-2.0 */
/* What bridge_body.c receives and bridge_take.c takes. */
#pragma once

#include "daemon/net/bridge.h"

struct BridgeBody {
    char *path; /* NULL: it has become a blob */
    int fd;
    gint64 length, n_received;
    GString *head;         /* the length's digits, then the metadata */
    gint64 metadata_bytes; /* -1: not told yet */
    gint64 n_archive;
    GChecksum *checksum; /* of the archive */
    Process sync;
    bool is_safe;
};
