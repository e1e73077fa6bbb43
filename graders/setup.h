/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup.sh of an autograder: run once for all submissions, in a box that may change its root, and what it made kept
 * beside the images (daemon/images/images.h, ImageSetup).
 */
#pragma once

#include "daemon/images/images.h"
#include "graders/stage.h"

typedef struct {
    const char *kit;        /* archive or folder of the course, with setup.sh at its top */
    const char *layout;     /* text for /bin/sh: puts the kit (STAGE_IN_BOX/kit) into the empty /autograder */
    char *const *hosts;     /* NAME:PORT, without placeholders; NULL: no network */
    const char *const *env; /* NULL-terminated; an image's own goes over it */
    BoxProfile profile;
} SetupPlan;

/* Reads `setup:` (skip, or {hosts: [...]}) of a reader that the caller ends. *ret_hosts: NULL: none; caller frees.
 * false: it is not to be run. */
bool setup_read(YamlReader *reader, RubricLoad *load, char ***ret_hosts);

typedef struct {
    ImageSetup *kept;   /* NULL: it failed */
    char *failed_words; /* then: how it ended and its last words, for staff */
    bool was_made;      /* now, not before */
} SetupOutcome;
void setup_outcome_clear(SetupOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SetupOutcome, setup_outcome_clear)

/* Finds what the script has made on that image (NULL: none) or root (NULL: the programs of this machine), or runs it;
 * one process at a time. false: our failure. */
bool setup_make(const SetupPlan *plan, const Check *check, const Image *image, const char *root, GraderContext *context,
                SetupOutcome *ret_outcome, GError **error);

/* Shows what was made over what it was made on, read-only; but /autograder and /root at STAGE_IN_BOX/made and
 * STAGE_IN_BOX/root, to be copied. */
bool setup_show(const ImageSetup *setup, const char *root, Stage *stage, GError **error);
