/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the graders `gradescope` and `autolab` share: an autograder made for another platform is run once in a box of
 * its own for all checks that name it, and its tests become passes and fails of our items. The autograder shares its
 * box with the student's code, as it does on its own platform: what it says is read as hostile bytes, and believed as
 * much as it is there.
 */
#pragma once

#include "graders/graders.h"
#include "graders/setup.h"

typedef enum { AUTOGRADER_UNSAID, AUTOGRADER_PASSED, AUTOGRADER_FAILED } AutograderStatus;

/* Texts are valid UTF-8 and bounded; numbers are finite, or NAN where nothing was said. */
typedef struct {
    char *name;   /* or NULL */
    char *number; /* as it was said, else its place, from 1 */
    char *output; /* or NULL */
    double score, max_score;
    AutograderStatus status;
    bool is_visible; /* may students see it at any time? */
} AutograderTest;

typedef struct {
    GPtrArray *tests; /* of AutograderTest*, at most 1,000 */
    double score;     /* of the whole; NAN: not said */
    double execution_s;
    char *output;       /* for students, or NULL */
    bool shows_stdout;  /* may students see it at any time? */
    cJSON *leaderboard; /* array of {name, value}, or NULL */
} AutograderResults;
AutograderResults *autograder_results_new(void);
void autograder_results_free(AutograderResults *results);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AutograderResults, autograder_results_free)
/* A new test, the results' own. LIMIT. */
AutograderTest *autograder_results_add(AutograderResults *results, GError **error);

/* Reads one platform's results. INVALID: they are not of its format, with the reason; LIMIT. */
typedef AutograderResults *AutograderParse(const char *text, gsize length, GError **error);
AutograderParse gradescope_results_parse;
AutograderParse autolab_results_parse; /* of all that was printed: the last line counts */

/* *ret: a finite number of at most nine digits before the point, also as text ("0.42"); NAN: absent or null. */
bool autograder_read_number(const cJSON *object, const char *key, double *ret, GError **error);
/* Text, or anything else as JSON; NULL: absent, null or empty. Caller frees. */
char *autograder_read_text(const cJSON *object, const char *key, gsize max_bytes);

/* What a check asks of the results. */
typedef struct {
    char **tests;     /* names, numbers or patterns with `*`; NULL: the whole */
    double percent;   /* of the most that is to be had; 100 when not said */
    double at_least;  /* points, instead of a percentage; NAN: not said */
    bool limit_fails; /* a run that was ended at a limit is a fail, not an error */
} AutograderWish;
/* Reads `tests` (under `tests_key`), `threshold` and `at_limit`. */
void autograder_wish_read(AutograderWish *wish, YamlReader *reader, const char *tests_key);
void autograder_wish_clear(AutograderWish *wish);

/* One run. */
typedef struct {
    AutograderResults *results; /* NULL: there were none that can be read */
    char *failure;              /* then: why, the rest of a sentence after "the autograder" */
    bool was_limited;           /* it was ended at a limit of the box */
    char *words;                /* how it ended and its last words, for staff */
    char *stdout_end;           /* for students, where the results show it; or NULL */
    char *image_digest;         /* of the image that it had as its root, or NULL */
    char *setup_key;            /* of what its setup.sh made, or NULL */
    bool setup_was_made;        /* for this run, not for an earlier one */
    cJSON *box;
    bool is_told;        /* in the figures of an earlier finding */
    const char *kept_as; /* the plan's */
    cJSON *original;     /* the results as they were written, if they are not too long */
} AutograderRun;
void autograder_run_free(AutograderRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AutograderRun, autograder_run_free)

/* A file that a run is shown at /run/autograder/NAME. */
typedef struct {
    const char *name;
    const char *path; /* in the course folder; NULL: `text` */
    const char *text;
} AutograderFile;

/* How to run it. */
typedef struct {
    const char *kit; /* archive or folder of the course, shown unpacked at /run/autograder/kit; NULL: none */
    const AutograderFile *files;
    gsize n_files;            /* at most 4 */
    const char *shown_as;     /* what the box runs, for people: "run_autograder" */
    const char *script;       /* for /bin/sh; the submission is at /work */
    const char *results_path; /* in the box; NULL: what it printed */
    const RubricImage *image; /* its root; NULL: the programs of this machine */
    const SetupPlan *setup;   /* then the kit is shown as part of what that has made; NULL: none */
    const char *const *scratch;
    const char *const *env; /* an image's own goes over it */
    bool inner_root;
    BoxProfile profile;
    const char *kept_as; /* the first finding of a run has {NAME: {score, results}} as figure `runs`, for the runs of
                            later submissions; NULL: none */
    AutograderParse *parse;
} AutograderPlan;

/* The run under `key`: kept from an earlier check of the same job, or made now. NULL and error: it could not be run. */
const AutograderRun *autograder_run(const AutograderPlan *plan, const char *key, const Check *check,
                                    GraderContext *context, GError **error);

/* A key that is the same for checks that may share a run: of the texts (NULL-terminated) and the check's limits. Caller
 * frees. */
char *autograder_key(const Check *check, ...) G_GNUC_NULL_TERMINATED;

/* Makes a check's finding of a run: PASS, FAIL, or ERROR with the run's last words as evidence. */
Finding *autograder_judge(const AutograderRun *run, const AutograderWish *wish);
