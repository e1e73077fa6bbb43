/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graders: one file each, all behind one table. A grader turns one check and a workspace into one finding.
 */
#pragma once

#include "rubrics/rubrics.h"

/* A member of the owning team (or the owner), for graders that look at who did what. */
typedef struct {
    const char *id, *name, *github; /* name and github may be NULL */
    const char *const *emails;      /* NULL-terminated, lower case */
} Member;

/* Mounts in the worker's own mount namespace, which are gone with it. false: our failure. Folders are absolute and lie
 * below the scratch folder, but `lowers`, which may lie anywhere. */
typedef struct {
    /* A disk of its own for so many bytes and entries at `folder`. */
    bool (*disk)(const char *folder, gint64 bytes, gint64 n_entries, GError **error);
    /* `lowers` (NULL-terminated, the uppermost first) as one at `folder`; changes go to `upper`, with `work` beside it
     * on the same disk, NULL: it cannot be changed. */
    bool (*overlay)(const char *const *lowers, const char *upper, const char *work, const char *folder, GError **error);
    /* Takes what is mounted at `folder` away. */
    void (*unmount)(const char *folder);
} GraderMounts;

/* What a grader may use. All paths are of the host. The workspace was made by the student: open in it by
 * file_open_beneath only. */
typedef struct GraderContext {
    const char *workspace; /* absolute path; bound into boxes at /work */
    int workspace_fd;
    const char *course_folder;   /* the rubric's snapshot or the course folder: files named by checks lie below it */
    const char *git_folder;      /* bare repository, or NULL when the submission has no history */
    const char *git_commit;      /* 40 hex, or NULL */
    const char *const *git_refs; /* NULL-terminated full names of refs that the student's repository has, or NULL */
    gint64 received_us, deadline_us; /* deadline: G_MAXINT64 when there is none */
    const Member *members;
    gsize n_members;
    const char *assignment_title; /* or NULL */
    gint64 max_milli;             /* points of the rubric, thousandths */
    /* What the owner handed in before, oldest first: an array of {received_us, is_error, runs: {NAME: {score,
     * results}}}, `results` only of the newest; NULL: nothing. See AutograderPlan.kept_as. */
    const cJSON *previous;
    const Placeholders *placeholders;
    GTimeZone *zone;
    const char *scratch_folder; /* for files that a box is to be shown; absolute, no box sees it by itself */
    GData **kept; /* what graders keep for later checks of the same job, by keys that begin with their name */
    /* Runs a box for this grader. The box's program, cgroup and cancel wish are the caller's business; workspace
     * (unless the spec names one) and limits of the check are filled in. Same contract as box_run. */
    int (*run_box)(struct GraderContext *context, const Check *check, BoxSpec *spec, BoxResult *ret_result);
    /* A network for boxes of one check: box_network_open. */
    int (*open_network)(struct GraderContext *context, bool has_listener, BoxSharedNetwork **ret);
    /* run_box for a box that runs beside others: box_beside_start. */
    int (*start_box)(struct GraderContext *context, const Check *check, BoxSpec *spec, BoxBeside **ret);
    void *boxes_data;
    const char *images_folder; /* where imported images are; NULL: there are none */
    const char *host_digest;   /* stands for the programs of this machine */
    uid_t box_uid;             /* whom boxes run as, outside of them */
    const GraderMounts *mounts;
    int proxy_fd; /* socket of a broker (daemon/proxy) that opens gates to the hosts of checks; -1: none */
} GraderContext;

typedef struct Grader {
    GraderType type; /* first member: a Grader is a GraderType for rubrics/ */
    /* Judges. Sets *ret_finding to a new finding (PASS or FAIL; item, check and grader filled in by the caller). false
     * and *error: the check could not be carried out; the caller makes the ERROR finding. A grader that has evidence
     * for a TA then makes it itself. Bounded in time by check->limits. */
    bool (*judge)(const Check *check, GraderContext *context, Finding **ret_finding, GError **error);
} Grader;

/* An ERROR finding that says why in the words that students see, without names. Never NULL. */
Finding *graders_error(const char *why);

/* NULL-terminated, by name. Each entry points at a Grader's `type`. */
const GraderType *const *graders_all(void);
/* Judges by the check's own grader and fills in the finding's item, check and grader; our failures become ERROR
 * findings, so there always is one. */
Finding *graders_judge(const Item *item, const Check *check, GraderContext *context);

/* ---- reports of test runners, read by `tests` and by fuzz targets: hostile bytes in, data out
 * ------------------------ */

typedef enum { TEST_PASSED, TEST_FAILED, TEST_SKIPPED, TEST_ERROR } TestOutcome;
typedef struct {
    char *name; /* suite and name joined by "::" where there is a suite; valid UTF-8, at most 512 bytes */
    TestOutcome outcome;
    char *message; /* or NULL; at most 4 KiB */
} TestCase;
typedef struct {
    GPtrArray *cases; /* of TestCase*, at most 10,000 */
    gint64 n_planned; /* what the report itself announced (TAP plan, JUnit tests=, ctest total); -1: nothing */
    bool is_complete; /* the report ended as its format says */
} TestReport;
void test_report_free(TestReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestReport, test_report_free)
/* Formats: "junit", "tap", "ctest", "check", "pytest", "go". INVALID with line or byte when the text is not of the
 * format. */
TestReport *test_report_parse(const char *format, const char *text, gsize length, GError **error);
/* NULL-terminated names of the formats. */
const char *const *test_report_formats(void);
