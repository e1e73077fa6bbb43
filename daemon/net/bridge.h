/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Gradescope's container hands over to us: `rubric gradescope bridge` makes the scripts that run there, the role
 * web takes what they send (docs/rest.md). A body is
 *
 *     <length of the metadata in decimal digits> <newline> <submission_metadata.json> <archive, to the end>
 *
 * so that sh, wc, cat and tar are enough to make one. It is written to disk as it comes in.
 */
#pragma once

#include "daemon/net/net.h"

/* What counts of Gradescope's submission_metadata.json. The page that describes it says that it may change without
 * notice: everything but the submission's number may be missing. */
typedef struct {
    char *id;                        /* of the submission: digits */
    char *course_id, *assignment_id; /* digits, or NULL */
    gint64 created_us;               /* when it was handed in, the same on a rerun; G_MININT64: not told */
    GPtrArray *submitters;           /* of ExportSubmitter*, source.h */
    gint64 previous_milli;           /* points of the newest earlier submission; -1: none */
} BridgeMetadata;
void bridge_metadata_free(BridgeMetadata *metadata);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BridgeMetadata, bridge_metadata_free)
/* INVALID: no JSON object, or without a submission's number. At most 1,000 submitters. */
BridgeMetadata *bridge_metadata_parse(const char *text, gsize length, GError **error);

/* ---- a body that comes in ---------------------------------------------------------------------------------------- */

typedef struct BridgeBody BridgeBody;
/* `length`: of the whole body. LIMIT: the disk has no room for it. */
BridgeBody *bridge_body_new(const char *state_folder, gint64 length, GError **error);
void bridge_body_free(BridgeBody *body); /* removes what was not taken */
/* The next piece. INVALID: not of this form. */
bool bridge_body_receive(BridgeBody *body, const char *data, gsize length, GError **error);
/* All is there: has it written through to the disk, by a child when it is large. INVALID: it is not whole. */
bool bridge_body_end(BridgeBody *body, GError **error);
/* The fd that becomes readable when that has happened; -1: it has. */
int bridge_body_pidfd(const BridgeBody *body);
/* To be asked then. false with an error: the disk failed. */
bool bridge_body_is_safe(BridgeBody *body, GError **error);
/* Removes what a crash left behind. Before the first body. */
bool bridge_sweep(const char *state_folder, GError **error);

/* ---- taking it --------------------------------------------------------------------------------------------------- */

/* What became of a submission that the container handed over. */
typedef struct {
    gint64 id;    /* ours */
    char *number; /* Gradescope's */
    bool is_new;
} BridgeTaken;
void bridge_taken_clear(BridgeTaken *taken);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BridgeTaken, bridge_taken_clear)

/* A safe body becomes a submission of `assignment`, once per number of Gradescope's, whatever way it came before.
 * Received is when Gradescope received it. Who cannot be told is refused with a flag, as in an export. `request_key`
 * (may be NULL) finds it again by bridge_find_request. One transaction. INVALID: the metadata is not Gradescope's, or
 * of another assignment than the one that course.yaml names. */
bool bridge_take(SourceContext *context, const Assignment *assignment, BridgeBody *body, const char *request_key,
                 BridgeTaken *ret, GError **error);
/* By the key of an earlier request; by Gradescope's number. *ret->id 0: there is none. */
bool bridge_find_request(Store *store, const Assignment *assignment, const char *request_key, BridgeTaken *ret,
                         GError **error);
bool bridge_find(Store *store, const Assignment *assignment, const char *number, BridgeTaken *ret, GError **error);

/* ---- answering ----------------------------------------------------------------------------------------------------
 */

/* A results.json for a submission that has no verdict: one test without points whose text is `message`; the points of
 * the submission before stand until this one has its own; without one, a hidden test keeps Gradescope from showing a
 * total of 0. `state`: "queued", "refused", ... for extra_data. Caller
 * frees. */
char *bridge_interim(Store *store, const Assignment *assignment, const BridgeTaken *taken, const char *state,
                     const char *title, const char *message);

/* ---- what was shown ------------------------------------------------------------------------------------------------
 */

/* Remembers that a container was given this results.json, the newest of its submission. */
bool bridge_note_shown(Store *store, gint64 submission_id, const char *results, GError **error);
/* Was it given exactly this one last? */
bool bridge_is_shown(Store *store, gint64 submission_id, const char *results, bool *ret_is, GError **error);
