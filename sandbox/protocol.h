/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client and rubric-box say to each other on one stream socket (fd 3 of rubric-box).
 *
 * A frame is a header of 16 bytes and at most BOX_FRAME_MAX bytes of body; integers are in the machine's own order
 * (both ends run on one machine). File descriptors travel by SCM_RIGHTS with the header's first byte.
 *
 *   client -> box   REQUEST  the spec; fds: stdout, stderr, and, each if its flag says so, stdin, a shared network,
 *                            the user namespace that owns that
 *                   STOP     one uint32_t BoxStop: end the box now
 *   box -> client   REPORT   index, state, size; fd of the file when the state is OK
 *                   STATUS   the BoxStatus; the last frame
 *
 * A keeper has another socket to its client:
 *   client -> keeper  REQUEST  whose user and control group the boxes to come will have; the rest does not matter
 *                     MAKE     make one more box
 *   keeper -> client  READY    the name of its group; fd: the client's end of the box's own socket, where all goes on
 *                              as above
 *
 * The maker of a shared network says one thing and is gone:
 *   maker -> client   READY   two uint32_t: has it an owner, has it a listener; fds: the network, its tables of TCP and
 *                             TCP 6, then those two
 *
 * Closing the socket means STOP too. Decoding trusts nothing: every length is checked against what is left, counts are
 * bounded, strings hold no NUL. A malformed frame is -EBADMSG.
 */
#pragma once

#include "sandbox/cgroup.h"
#include "sandbox/sandbox.h"

#include <sys/types.h>

#define BOX_FRAME_MAGIC   0x31584252u /* "RBX1" */
#define BOX_FRAME_VERSION 5u
#define BOX_FRAME_MAX     (2u << 20)

enum {
    BOX_MAX_STRINGS = 16384, /* argv or env */
    BOX_MAX_BINDS = 64,
    BOX_MAX_REPORTS = 64,
    BOX_MAX_SCRATCH = 8,
    BOX_MAX_SCRATCH_NAME = 31,
    BOX_MAX_FRAME_FDS = 5,
    BOX_CONTROL_FD = 3, /* where rubric-box finds its socket */
};

typedef enum {
    BOX_FRAME_REQUEST = 1,
    BOX_FRAME_STOP = 2,
    BOX_FRAME_REPORT = 3,
    BOX_FRAME_STATUS = 4,
    BOX_FRAME_KEEP = 5, /* one box, and another one whenever one was used; BoxKeep */
    BOX_FRAME_READY = 6,
    BOX_FRAME_CLEARED = 7, /* after the status: nothing is left of the box */
} BoxFrameType;

typedef enum {
    BOX_STOP_CANCEL = 1,
    BOX_STOP_OUTPUT = 2,
} BoxStop;

typedef enum {
    BOX_KEEP_SLOT = 1, /* each is built when its request is here */
    BOX_KEEP_WARM = 2, /* each is built ahead */
} BoxKeep;

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length;
    uint32_t n_fds;
} BoxFrameHeader;

/* A spec and what the client adds to it. Decoded strings point into `body`. */
typedef struct {
    BoxSpec spec; /* fds hold -1: they travel beside it */
    bool has_stdin;
    bool has_network, has_network_user; /* a shared one; the user namespace that owns it */
    uid_t uid;                          /* whom the student's program runs as, outside */
    bool is_own_uid;                    /* false: the caller's own uid is shared */
    CgroupHome cgroups;
    char cgroup_name[64];

    char *body; /* owns all strings */
    size_t length;
    const char **argv, **env, **report_paths, **scratch;
    BoxBind *binds;
} BoxRequest;

/* Bytes being put together. A failed allocation or too much is remembered in `failed`. */
typedef struct {
    char *data;
    size_t length, capacity;
    bool failed;
} BoxWriter;

void box_writer_clear(BoxWriter *writer);

/* A name that BoxSpec.scratch may have. */
bool box_scratch_name_is_good(const char *name);
/* Encodes the body of a REQUEST. */
int box_request_encode(const BoxRequest *request, BoxWriter *writer);
/* Decodes one; takes `body` (malloc'ed) in every case. 0 and *ret_request (clear it), -EBADMSG or -ENOMEM. */
int box_request_decode(char *body, size_t length, BoxRequest *ret_request);
void box_request_clear(BoxRequest *request);

void box_status_encode(const BoxStatus *status, BoxWriter *writer);
int box_status_decode(const char *body, size_t length, BoxStatus *ret_status);

typedef struct {
    uint32_t index;
    BoxReportState state;
    int64_t size;
} BoxReportHead;

void box_report_encode(const BoxReportHead *head, BoxWriter *writer);
int box_report_decode(const char *body, size_t length, BoxReportHead *ret_head);

/* Sends one frame whole. -errno. */
int box_frame_send(int fd, BoxFrameType type, const void *body, size_t length, const int *fds, size_t n_fds);

typedef struct {
    BoxFrameType type;
    char *body; /* malloc'ed, NUL-terminated beyond length */
    size_t length;
    int fds[BOX_MAX_FRAME_FDS];
    size_t n_fds;
} BoxFrame;

/* Receives one frame whole (blocking). 0; -EPIPE when the peer has gone; -EBADMSG; -errno. */
int box_frame_receive(int fd, BoxFrame *ret_frame);
/* Looks at a header as the peer sent it. 0 or -EBADMSG. */
int box_frame_check(const BoxFrameHeader *header);
/* Frees the body and closes fds that nobody took. */
void box_frame_clear(BoxFrame *frame);
