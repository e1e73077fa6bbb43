/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that an instructor writes, read with positions: YAML, course, roster, rubric; and what becomes of
 * findings: the verdict. Nothing here runs anything, touches a network or knows a store.
 */
#pragma once

#include "daemon/base/base.h"
#include "sandbox/sandbox.h"

/* ======== diagnostics: every problem of a file in one run
 * ============================================================== */

typedef enum { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

typedef struct {
    char *file;       /* as the user named it, or relative to the course folder */
    int line, column; /* from 1; 0 when the whole file is meant */
    Severity severity;
    char *message; /* lower case, says what was expected; may end in `; did you mean "x"?` */
} Diagnostic;

/* Collects at most 1,000 of them; more are counted, not kept. */
typedef struct Diagnostics Diagnostics;
Diagnostics *diagnostics_new(void);
void diagnostics_free(Diagnostics *diagnostics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnostics, diagnostics_free)
void diagnostics_add(Diagnostics *diagnostics, Severity severity, const char *file, int line, int column,
                     const char *format, ...) G_GNUC_PRINTF(6, 7);
unsigned diagnostics_count(const Diagnostics *diagnostics, Severity severity);
/* All of them, sorted by file, line, column; owned by `diagnostics`. */
const GPtrArray *diagnostics_list(Diagnostics *diagnostics); /* of Diagnostic* */
/* "rubrics/m1.yaml:9:17: error: message" a line; caller frees. */
char *diagnostics_format(Diagnostics *diagnostics);

/* ======== YAML with positions
 * ========================================================================================= */

/* libyaml below: at most 1 MiB, depth 64, 100,000 events, no alias, no anchor, no tag, no duplicate key. Scalars stay
 * text until a getter types them, so `no` and `010` are never silently turned. JSON is read as the YAML that it is. */
typedef enum { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING } YamlKind;
typedef struct YamlDocument YamlDocument;
typedef struct YamlNode YamlNode;

/* Parses one document. NULL after adding at least one error; a duplicate key is an error too, but the document comes
 * back, with the first one's value, so that more problems can be found in it. `file` labels messages. Nodes live as
 * long as the document. */
YamlDocument *yaml_parse(const char *file, const char *text, gsize length, Diagnostics *diagnostics);
YamlDocument *yaml_load(const char *path, const char *label, Diagnostics *diagnostics);
void yaml_document_free(YamlDocument *document);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YamlDocument, yaml_document_free)
const YamlNode *yaml_root(const YamlDocument *document);

YamlKind yaml_kind(const YamlNode *node);
const char *yaml_file(const YamlNode *node);
int yaml_line(const YamlNode *node);           /* from 1 */
int yaml_column(const YamlNode *node);         /* from 1 */
const char *yaml_scalar(const YamlNode *node); /* its text; asserts YAML_SCALAR */
bool yaml_is_null(const YamlNode *node);       /* plain empty, ~ or null */
bool yaml_is_quoted(const YamlNode *node);
gsize yaml_length(const YamlNode *node);                      /* of a sequence or mapping */
const YamlNode *yaml_item(const YamlNode *node, gsize index); /* of a sequence */
const YamlNode *yaml_key(const YamlNode *node, gsize index);  /* of a mapping, in file order */
const YamlNode *yaml_value(const YamlNode *node, gsize index);
const YamlNode *yaml_get(const YamlNode *mapping, const char *key); /* NULL when absent or not a mapping */

/* Adds a diagnostic at a node. */
void yaml_report(const YamlNode *node, Diagnostics *diagnostics, Severity severity, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Reads one mapping key by key: each getter names a key that is known, reports a wrong type or a missing required one,
 * and returns the fallback then; yaml_reader_end reports the keys that nobody asked for, with "did you mean". */
typedef struct {
    const YamlNode *mapping; /* NULL if the node is no mapping (reported) */
    Diagnostics *diagnostics;
    const char *what; /* "item", "check \"run\"": for messages */
    GPtrArray *known; /* of const char* */
} YamlReader;
typedef enum { YAML_OPTIONAL, YAML_REQUIRED } YamlNeed;

void yaml_reader_start(YamlReader *reader, const YamlNode *node, const char *what, Diagnostics *diagnostics);
void yaml_reader_end(YamlReader *reader);
const YamlNode *yaml_read_node(YamlReader *reader, const char *key, YamlNeed need);
const YamlNode *yaml_read_mapping(YamlReader *reader, const char *key, YamlNeed need);
const YamlNode *yaml_read_sequence(YamlReader *reader, const char *key, YamlNeed need);
const char *yaml_read_text(YamlReader *reader, const char *key, YamlNeed need, const char *fallback);
bool yaml_read_bool(YamlReader *reader, const char *key, bool fallback); /* true false yes no on off */
gint64 yaml_read_integer(YamlReader *reader, const char *key, YamlNeed need, gint64 fallback, gint64 min, gint64 max);
double yaml_read_number(YamlReader *reader, const char *key, YamlNeed need, double fallback, double min, double max);
gint64 yaml_read_milli(YamlReader *reader, const char *key, YamlNeed need,
                       gint64 fallback); /* decimal text to thousandths, exact; at most 3 decimals, >= 0 */
gint64 yaml_read_span_us(YamlReader *reader, const char *key, YamlNeed need,
                         gint64 fallback); /* "800ms" "60s" "5min" "2h" "1d" */
gint64 yaml_read_bytes(YamlReader *reader, const char *key, YamlNeed need,
                       gint64 fallback); /* "512M" (MiB) "64K" "1G" "100" */
gint64 yaml_read_time_us(YamlReader *reader, const char *key, YamlNeed need, GTimeZone *zone, gint64 fallback);
/* A scalar or a list of scalars as a NULL-terminated vector (caller g_strfreev's); NULL when absent. */
char **yaml_read_texts(YamlReader *reader, const char *key, YamlNeed need);
/* One of NULL-terminated `names`, as its index; reports the choices and "did you mean". */
int yaml_read_choice(YamlReader *reader, const char *key, YamlNeed need, const char *const *names, int fallback);

/* ======== CSV by RFC 4180, with positions
 * ============================================================================= */

typedef struct {
    char *text; /* blanks around it removed */
    int line, column;
} CsvCell;

typedef struct {
    GPtrArray *rows; /* of GArray* of CsvCell; blank lines are left out */
} CsvTable;

/* NULL after reporting. A byte order mark and CRLF are fine. At most 8 MiB, 100,000 lines, 100 cells in one. */
CsvTable *csv_parse(const char *file, const char *text, gsize length, Diagnostics *diagnostics);
void csv_free(CsvTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CsvTable, csv_free)
/* The cell of that place in a row of csv_parse; NULL: the row is shorter, or the place is below 0. */
const CsvCell *csv_cell(const GArray *row, int place);
/* Reports an error at a cell. */
void csv_report(Diagnostics *diagnostics, const char *file, const CsvCell *cell, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* The place of the first cell with that text, whatever its case; -1: none. */
int csv_find(const GArray *row, const char *text);

/* ======== placeholders
 * ================================================================================================ */

/* {team.id} {team.host} {person.id} {assignment.id} {submission.commit} {out} ...: names to values;
 * docs/guides/instructors.md has the table.
 * `{{` is a literal brace. */
typedef struct Placeholders Placeholders;
Placeholders *placeholders_new(void);
void placeholders_free(Placeholders *placeholders);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Placeholders, placeholders_free)
void placeholders_set(Placeholders *placeholders, const char *name, const char *value);
const char *placeholders_get(const Placeholders *placeholders, const char *name);
/* Expands; INVALID names the placeholder that has no value here. Caller frees. */
char *placeholders_expand(const Placeholders *placeholders, const char *text, GError **error);
/* At load: reports placeholders in `text` that no submission can have (unknown name, open brace), at the node. */
void placeholders_check(const char *text, const YamlNode *at, Diagnostics *diagnostics);
/* As a JSON object of strings, and back (INVALID). */
cJSON *placeholders_to_json(const Placeholders *placeholders);
Placeholders *placeholders_from_json(const cJSON *json, GError **error);

/* ======== findings and verdicts
 * ======================================================================================= */

typedef enum { FINDING_PASS, FINDING_FAIL, FINDING_ERROR, FINDING_SKIPPED } FindingOutcome;
extern const char *const finding_outcome_names[]; /* NULL-terminated: "pass" "fail" "error" "skipped" */
const char *finding_outcome_name(FindingOutcome outcome);

/* What one check found. FAIL is the student's; ERROR is ours and never costs a point. */
typedef struct {
    char *item;   /* item id; "submission" for what unpacking found */
    char *check;  /* "builds" or "builds/2": item id and number when the item has several checks */
    char *grader; /* "run", ...; "unpack" */
    FindingOutcome outcome;
    char *message;   /* one sentence for the student, valid UTF-8, at most 1 KiB */
    char *evidence;  /* plain text, may be NULL, at most 16 KiB, from student output: escape it where it is shown */
    char *suspicion; /* a sentence for the TA's queue (flaky, forged, odd), or NULL: becomes a flag */
    cJSON *figures;  /* object or NULL: box status, counts, times */
} Finding;
Finding *finding_new(const char *item, const char *check, const char *grader, FindingOutcome outcome,
                     const char *format, ...) G_GNUC_PRINTF(5, 6);
void finding_free(Finding *finding);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Finding, finding_free)
cJSON *finding_to_json(const Finding *finding);
Finding *finding_from_json(const cJSON *json, GError **error);

typedef enum { ITEM_PASS, ITEM_FAIL, ITEM_REVIEW, ITEM_ERROR } ItemOutcome;
extern const char *const item_outcome_names[]; /* NULL-terminated: "pass" "fail" "review" "error" */
const char *item_outcome_name(ItemOutcome outcome);

typedef struct Rubric Rubric;
typedef struct Item Item;

typedef enum { JUDGE_MACHINE, JUDGE_TA, JUDGE_BOTH } Judge;
typedef enum { VISIBLE_ALWAYS, VISIBLE_AFTER_DEADLINE, VISIBLE_AFTER_RELEASE, VISIBLE_STAFF } Visible;
const char *judge_name(Judge judge);       /* "machine" "ta" "both" */
const char *visible_name(Visible visible); /* "always" "after_deadline" "after_release" "staff" */

/* An item as it was when the verdict was made: a verdict stands alone, whatever becomes of the rubric. */
typedef struct {
    char *id, *title, *passes;
    gint64 points_milli; /* thousandths of a point */
    bool is_bonus;
    Judge judge;
    Visible visible;
    ItemOutcome outcome;
    char *reason;        /* one sentence: why this outcome */
    char *decided_by;    /* NULL: the machine; else the TA who reviewed */
    GPtrArray *findings; /* of Finding* */
} VerdictItem;

/* A line of the rubric's `leaderboard:`. */
typedef struct {
    char *name;
    char *item;        /* whose value it is */
    char *figure;      /* what a check of the item measured: "tests.passed"; NULL: the item's points */
    bool is_ascending; /* less is better */
} Ranking;
void ranking_free(Ranking *ranking);
/* false: there is no value (not judged yet, in error, not measured). */
bool ranking_value(const Ranking *ranking, const VerdictItem *item, double *ret);

typedef struct {
    char *assignment;
    char *rubric_digest, *image_digest, *content_digest; /* "sha256:..." / "git:<40 hex>" */
    GPtrArray *items;                                    /* of VerdictItem*, in rubric order, bonus last */
    GPtrArray *remarks;  /* of Finding*: what unpacking found; a FAIL here fails every item */
    gint64 points_milli; /* passed items, bonus not included */
    gint64 bonus_milli;  /* passed bonus items */
    gint64 review_milli; /* items still with a TA (bonus not included) */
    gint64 max_milli;    /* all items without bonus */
    unsigned n_review, n_error;
    bool is_final;          /* no item is in review or error */
    GPtrArray *leaderboard; /* of Ranking*; NULL: none */
} Verdict;
void verdict_free(Verdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verdict, verdict_free)

/* Findings + rubric -> verdict. Rules: an item passes if each of its checks passed; any FAIL fails it; else any ERROR
 * makes it ITEM_ERROR. judge both: what passed goes to a TA (ITEM_REVIEW), a fail is final, an error is retried as any
 * other. judge ta: always ITEM_REVIEW, whatever the checks found is only evidence. Before all that, for every judge: a
 * needed item that failed makes it fail by "skipped", a needed one in error makes it ERROR, one in review does not
 * block. A check without a finding of PASS, FAIL or ERROR is an ERROR. Findings of the item "submission" are remarks; a
 * FAIL among them fails all items that a machine judges (alone or with a TA). Takes a reference to nothing: findings
 * are copied; the caller sets assignment, image and content digest. */
Verdict *verdict_score(const Rubric *rubric, const GPtrArray *findings);
/* How a text of `item` calls `other`: `name` in quotes, or "another item" if somebody may see the one and not the
 * other. Caller frees. */
char *item_name_within(const Item *item, const Item *other, const char *name);
/* Why the submission could not be graded as it was handed in (nothing was unpacked, no check ran), or NULL. Such a one
 * costs no token. */
const Finding *verdict_refusal(const Verdict *verdict);
/* Recomputes sums and is_final after an item's outcome was changed by a review. */
void verdict_sum(Verdict *verdict);
cJSON *verdict_to_json(const Verdict *verdict);
Verdict *verdict_from_json(const cJSON *json, GError **error);
/* "85", "76.5", "0.333": exact, no trailing zeros. Caller frees. */
char *points_format(gint64 milli);
/* The other way round: digits, and at most three decimals; up to 1,000,000. */
bool points_parse(const char *text, gint64 *ret_milli);

/* The most that a rubric may let be handed in. */
static const gint64 rubric_submission_most_bytes = G_GINT64_CONSTANT(2) << 30, rubric_submission_most_files = 200000;

/* ======== rubric
 * ====================================================================================================== */

/* A kind of check, as the layer above (graders/) tells us about it. Static tables. */
typedef struct RubricLoad RubricLoad;
typedef struct GraderType {
    const char *name;    /* the key in YAML: "run" */
    const char *summary; /* one line for help */
    BoxLimits limits; /* of its checks, where neither check, item nor rubric says; zero: those of box_limits_default */
    /* Reads the parameters below the key; reports every problem to `diagnostics`; never NULL unless an error was
     * reported. */
    void *(*parse)(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics);
    void (*free)(void *parameters);
} GraderType;

/* During parse: declares that the check reads `path` (relative to the course folder, file or folder, must exist and lie
 * below checks/); it becomes part of the rubric's digest and of its snapshot. Reports at `node` if it does not. */
void rubric_load_uses_file(RubricLoad *load, const char *path, const YamlNode *node, Diagnostics *diagnostics);
/* During parse: the course folder, for graders that look into such a file. */
const char *rubric_load_folder(const RubricLoad *load);

/* Whose programs a box has instead of the host's. */
typedef struct {
    char *name;   /* of an imported image; NULL: a folder */
    char *digest; /* "sha256:...": it must be that very image; NULL: whichever has the name */
    char *folder; /* absolute path on the host; NULL: an imported image */
    int line, column;
} RubricImage;

/* During parse: reads `image:` of a check's reader, or takes the rubric's. Owned by the rubric; NULL: the host. Reports
 * every problem. */
const RubricImage *rubric_load_image(RubricLoad *load, YamlReader *reader);
/* The rubric's own, for checks that have no keys. */
const RubricImage *rubric_load_common_image(const RubricLoad *load);

/* During parse: declares that the check's boxes may reach `host` ("NAME:PORT", may hold placeholders). Reports at
 * `node` when the rubric names too many. */
void rubric_load_uses_host(RubricLoad *load, const char *host, const YamlNode *node, Diagnostics *diagnostics);

typedef struct {
    char *name; /* "builds" or "builds/2" */
    const GraderType *type;
    void *parameters;
    BoxLimits limits; /* all fields set: check, then item, then rubric, then grader, then default */
    int line;
} Check;

struct Item {
    char *id, *title, *passes;
    gint64 points_milli;
    bool is_bonus;
    Judge judge;
    Visible visible;
    GPtrArray *needs;  /* of Item* (borrowed), acyclic */
    GPtrArray *checks; /* of Check* */
    int line;
};

struct Rubric {
    char *id, *title;
    char *path;          /* file, relative to the course folder */
    gint64 effective_us; /* G_MININT64: from the beginning */
    BoxLimits limits;
    gint64 submission_bytes, submission_files; /* so much, unpacked, may be handed in */
    GPtrArray *items;                          /* of Item*, in file order, bonus last */
    GPtrArray *order;                          /* of Item* (borrowed): file order, but needs first */
    GPtrArray *leaderboard;                    /* of Ranking* */
    gint64 max_milli;
    char *digest;      /* "sha256:" of the file and of all files it uses, see rubric_digest in docs/formats.md */
    GPtrArray *files;  /* of char*: files used, relative, sorted */
    GPtrArray *hosts;  /* of char*: hosts that checks open, as written, sorted, each once */
    GPtrArray *images; /* of RubricImage*: each place that names one */
};

/* Loads `path` (relative to `course_folder`). `graders` is NULL-terminated. NULL after at least one error. */
Rubric *rubric_load(const char *course_folder, const char *path, const GraderType *const *graders, GTimeZone *zone,
                    Diagnostics *diagnostics);
void rubric_free(Rubric *rubric);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rubric, rubric_free)
const Item *rubric_item(const Rubric *rubric, const char *id); /* NULL when absent */
/* Copies the rubric's file and the files it uses, same relative paths, into the new folder `target` (atomic: temp and
 * rename; an existing target is taken as done). */
bool rubric_snapshot(const Rubric *rubric, const char *course_folder, const char *target, GError **error);

/* ======== roster and course
 * =========================================================================================== */

typedef enum { STATUS_STUDENT, STATUS_AUDIT, STATUS_STAFF, STATUS_DROPPED } PersonStatus;
typedef struct {
    char *id;                                    /* unique: the Andrew id or login that the course uses */
    char *name, *email, *github, *sid, *section; /* NULL when empty */
    char *team;                                  /* team id or NULL */
    char **emails;                               /* all e-mails, aliases included, lower case */
    PersonStatus status;
    int line; /* in roster.csv */
} Person;

typedef struct {
    char *id;
    GPtrArray *members;     /* of Person* (borrowed), students only, by id */
    GHashTable *attributes; /* char* -> char*: host, repo, ... from course.yaml `teams:` */
} Team;

typedef enum { OWNER_PERSON, OWNER_TEAM } OwnerKind;
const char *owner_kind_name(OwnerKind kind); /* "person" "team" */

/* The branch that a sink of GitHub may push results to; nothing is handed in by it. */
#define RESULTS_BRANCH "rubricd/results"
/* Where a sink of GitHub that comments does so: nowhere, on the pull request that was handed in, or there and else in
 * an issue of the repository. */
typedef enum { COMMENT_NONE, COMMENT_PULL_REQUEST, COMMENT_ISSUE } CommentPlace;
typedef struct Assignment Assignment;
struct Assignment {
    char *id, *title;
    char *kind; /* "homework" "milestone" "quiz" "lab" "other" */
    OwnerKind owner_kind;
    gint64 deadline_us;
    char *rubric_id;        /* NULL: no rubric in this course folder */
    char *git_branch;       /* each new commit on it is a submission; NULL: none */
    char *git_tag;          /* glob: each matching tag is a submission; NULL: none */
    char *git_pull_request; /* on GitHub: each head of a pull request to this branch is a submission; NULL: none */
    char *git_release;      /* on GitHub: glob of the tags whose published releases are submissions; NULL: none */
    char *gradescope_id;    /* assignment id over there, or NULL */
    CommentPlace comment;   /* COMMENT_PULL_REQUEST when not given */
    bool is_extensible;     /* false: no late hand-in, whatever tokens there are */
    int line;
    GPtrArray *parts; /* of Assignment*: what has a deadline of its own within it, by id ("i4/comments"); NULL: none */
    /* Of a part: */
    const Assignment *whole; /* NULL: this is no part */
    char **items;            /* of the rubric that it consists of; NULL: it is a share of all points */
    gint64 share_milli;      /* percent */
};

typedef struct {
    char *folder; /* absolute */
    char *id, *title;
    GTimeZone *zone;
    char *zone_name;
    GPtrArray *assignments; /* of Assignment*, by deadline, then id */
    GPtrArray *people;      /* of Person*, by id */
    GPtrArray *teams;       /* of Team*, by id */
    GPtrArray *rubrics;     /* of Rubric*, all versions */
    char *git_url;          /* connections.git.url with {team.id} / {person.github} ..., or NULL */
    /* connections.github; the texts may hold placeholders as git_url does; each may be NULL */
    char *github_organization, *github_repositories, *github_team;
    char *gradescope_course; /* connections.gradescope.course: its number over there, or NULL */
    YamlDocument *document;  /* of course.yaml: tokens/ and others read their parts from it */
} Course;

/* Loads course.yaml, roster.csv and rubrics/ (every *.yaml). Reports all problems of all files; NULL if any is an
 * error. */
Course *course_load(const char *folder, const GraderType *const *graders, Diagnostics *diagnostics);
void course_free(Course *course);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Course, course_free)
const Assignment *course_assignment(const Course *course, const char *id);
/* By its number at Gradescope (digits); NULL: none has it. */
const Assignment *course_gradescope_assignment(const Course *course, const char *number);
/* What has a deadline: an assignment, or a part of one ("i4/comments"). */
const Assignment *course_due(const Course *course, const char *id);
const Person *course_person(const Course *course, const char *id);
const Team *course_team(const Course *course, const char *id);
/* By any of a person's e-mails (case-insensitive), login or sid; NULL when unknown or not unique. */
const Person *course_find_person(const Course *course, const char *key);
/* The rubric version in force for a submission received then (before the first one's time: the first one); NULL when
 * the assignment has none. */
const Rubric *course_rubric(const Course *course, const Assignment *assignment, gint64 received_us);
/* The part of course.yaml below top-level `key`, NULL when absent. */
const YamlNode *course_section(const Course *course, const char *key);
/* Placeholders of an assignment and its owner (team or person id). INVALID: no such owner. */
Placeholders *course_placeholders(const Course *course, const Assignment *assignment, const char *owner,
                                  GError **error);
