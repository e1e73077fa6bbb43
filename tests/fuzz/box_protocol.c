/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/protocol.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes must encode, and decode to the same bytes again. */
static void try_request(const uint8_t *data, size_t size)
{
    BoxRequest request, again;
    char *body = malloc(size + 1);
    memcpy(body, data, size);
    if (box_request_decode(body, size, &request) < 0)
        return;
    BoxWriter writer = {0}, second = {0};
    assert(box_request_encode(&request, &writer) == 0);
    size_t length = writer.length;
    char *copy = malloc(length + 1);
    memcpy(copy, writer.data, length);
    assert(box_request_decode(copy, length, &again) == 0);
    assert(box_request_encode(&again, &second) == 0);
    assert(second.length == length && memcmp(second.data, writer.data, length) == 0);
    box_writer_clear(&writer);
    box_writer_clear(&second);
    box_request_clear(&request);
    box_request_clear(&again);
}

static void try_answers(const uint8_t *data, size_t size)
{
    BoxStatus status;
    BoxReportHead head;
    char text[1000];
    const BoxLimits limits = box_limits_default();
    if (box_status_decode((const char *)data, size, &status) == 0) {
        box_status_sentence(&status, &limits, text, sizeof text);
        box_status_json(&status, text, sizeof text);
    }
    box_report_decode((const char *)data, size, &head);
}

static void try_frames(const uint8_t *data, size_t size)
{
    int pair[2];
    const size_t fits_the_buffer = 32768;
    if (size > fits_the_buffer || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    bool is_sent = write(pair[0], data, size) == (ssize_t)size;
    close(pair[0]);
    BoxFrame frame;
    while (is_sent && box_frame_receive(pair[1], &frame) == 0)
        box_frame_clear(&frame);
    close(pair[1]);
}

/* The first byte chooses what the rest is taken for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 3 == 0)
        try_request(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        try_answers(data + 1, size - 1);
    else
        try_frames(data + 1, size - 1);
    return 0;
}
