/* SPDX-License-Identifier: Apache-2.0 */
/* A course folder, a workspace, and a box that does what the test says: no sandbox is needed to test graders. */
#pragma once

#include "graders/graders.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one fake box gives back, and what it was asked for. */
typedef struct {
    BoxStatus status;
    const char *out, *err;
    const char *report;          /* content of every report asked for; NULL: absent */
    BoxReportState report_state; /* when not OK */
    int code;                    /* of run_box: negative: the client failed */
} FakeBox;

static char *fake_root;
static GraderContext fake_context;
static Rubric *fake_rubric;
static GData *fake_kept;
static FakeBox fake_boxes[16];
static guint fake_n_boxes; /* how many were set; the last one repeats */
static guint fake_n_runs;
static char *fake_argv, *fake_env, *fake_stdin, *fake_folder, *fake_bind, *fake_reports, *fake_spec_root; /* of the last
                                                                                                          run */
static BoxSpec fake_spec;

static inline char *fake_read_stdin(int fd)
{
    char buffer[4096] = "";
    ssize_t n = fd >= 0 ? read(fd, buffer, sizeof(buffer) - 1) : 0;
    return g_strndup(buffer, n > 0 ? (gsize)n : 0);
}

static inline char *fake_join(const char *const *texts)
{
    return texts ? g_strjoinv("|", (char **)texts) : NULL;
}

static inline void fake_note(const BoxSpec *spec)
{
    g_free(fake_argv);
    g_free(fake_env);
    g_free(fake_stdin);
    g_free(fake_folder);
    g_free(fake_bind);
    g_free(fake_reports);
    g_free(fake_spec_root);
    fake_spec_root = g_strdup(spec->root);
    fake_spec = *spec;
    fake_argv = fake_join(spec->argv);
    fake_env = fake_join(spec->env);
    fake_reports = fake_join(spec->report_paths);
    fake_stdin = fake_read_stdin(spec->stdin_fd);
    fake_folder = g_strdup(spec->folder);
    fake_bind = spec->n_binds > 0 ? g_strdup_printf("%s=>%s", spec->binds[0].source, spec->binds[0].target) : NULL;
}

static inline BoxBytes fake_bytes(const char *text)
{
    return (BoxBytes){strdup(text ? text : ""), text ? strlen(text) : 0};
}

static inline int fake_run_box(GraderContext *context, const Check *check, BoxSpec *spec, BoxResult *ret_result)
{
    const FakeBox *box = &fake_boxes[MIN(fake_n_runs, MAX(fake_n_boxes, 1) - 1)];
    fake_n_runs++;
    fake_note(spec);
    if (box->code < 0)
        return box->code;
    *ret_result = (BoxResult){.status = box->status, .out = fake_bytes(box->out), .err = fake_bytes(box->err)};
    while (spec->report_paths && spec->report_paths[ret_result->n_reports])
        ret_result->n_reports++;
    ret_result->reports = calloc(ret_result->n_reports + 1, sizeof(BoxReport));
    for (size_t i = 0; i < ret_result->n_reports; i++) {
        ret_result->reports[i].state = box->report ? BOX_REPORT_OK : box->report_state;
        ret_result->reports[i].bytes = fake_bytes(box->report);
    }
    return 0;
}

static inline void fake_write(const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(fake_root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);
    ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    ck_assert(g_file_set_contents(full, text, -1, NULL));
}

static inline bool fake_exists(const char *path)
{
    g_autofree char *full = g_build_filename(fake_root, path, NULL);
    return g_file_test(full, G_FILE_TEST_EXISTS);
}

static inline void fixture_open(void)
{
    fake_root = g_dir_make_tmp("graders-XXXXXX", NULL);
    ck_assert_ptr_nonnull(fake_root);
    fake_write("work/.keep", "");
    fake_write("course/checks/.keep", "");
    fake_write("scratch/.keep", "");
    g_datalist_init(&fake_kept);
    char *workspace = g_build_filename(fake_root, "work", NULL);
    fake_context = (GraderContext){
        .workspace = workspace,
        .workspace_fd = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .course_folder = g_build_filename(fake_root, "course", NULL),
        .deadline_us = G_MAXINT64,
        .placeholders = placeholders_new(),
        .zone = g_time_zone_new_utc(),
        .scratch_folder = g_build_filename(fake_root, "scratch", NULL),
        .kept = &fake_kept,
        .run_box = fake_run_box,
        .proxy_fd = -1,
    };
    placeholders_set((Placeholders *)fake_context.placeholders, "team.id", "red");
}

static inline void fixture_close(void)
{
    rubric_free(fake_rubric);
    close(fake_context.workspace_fd);
    placeholders_free((Placeholders *)fake_context.placeholders);
    g_time_zone_unref(fake_context.zone);
    g_free((char *)fake_context.workspace);
    g_free((char *)fake_context.course_folder);
    g_free((char *)fake_context.scratch_folder);
    g_datalist_clear(&fake_kept);
    fake_note(&(BoxSpec)BOX_SPEC_INIT);
    g_free(fake_stdin);
    ck_assert(file_remove_tree(fake_root, NULL));
    g_free(fake_root);
}

/* Loads a rubric of one item with this check (YAML below `check:`). *ret_messages, if not NULL: the diagnostics. */
static inline const Check *load_check(const char *yaml, char **ret_messages)
{
    g_auto(GStrv) lines = g_strsplit(yaml, "\n", -1);
    g_autofree char *indented = g_strjoinv("\n      ", lines);
    g_autofree char *text = g_strdup_printf("rubric: r\ntitle: R\nitems:\n  - id: i\n    points: 1\n    title: T\n    "
                                            "passes: \"It works.\"\n    check:\n      %s\n",
                                            indented);
    fake_write("course/rubrics/r.yaml", text);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    rubric_free(fake_rubric);
    fake_rubric =
        rubric_load(fake_context.course_folder, "rubrics/r.yaml", graders_all(), fake_context.zone, diagnostics);
    g_autofree char *messages = diagnostics_format(diagnostics);
    if (ret_messages) {
        *ret_messages = g_steal_pointer(&messages);
        return NULL;
    }
    ck_assert_msg(fake_rubric != NULL, "%s", messages);
    return g_ptr_array_index(((Item *)g_ptr_array_index(fake_rubric->items, 0))->checks, 0);
}

static inline Finding *judge(const char *yaml)
{
    const Check *check = load_check(yaml, NULL);
    fake_n_runs = 0;
    g_datalist_clear(&fake_kept);
    return graders_judge(g_ptr_array_index(fake_rubric->items, 0), check, &fake_context);
}

static inline bool has_part(const char *text, const char *part)
{
    return text && g_strstr_len(text, -1, part) != NULL;
}

/* Judges and compares outcome and message (a part of it). */
#define assert_judged(yaml, wanted, part)                                                                              \
    do {                                                                                                               \
        g_autoptr(Finding) judged_ = judge(yaml);                                                                      \
        ck_assert_msg(judged_->outcome == (wanted), "%s: %s", finding_outcome_name(judged_->outcome),                  \
                      judged_->message);                                                                               \
        ck_assert_msg(has_part(judged_->message, (part)), "\"%s\" lacks \"%s\"", judged_->message, (part));            \
    } while (0)

/* Loads what is wrong and looks for a part of the messages. */
#define assert_reported(yaml, part)                                                                                    \
    do {                                                                                                               \
        g_autofree char *messages_ = NULL;                                                                             \
        load_check(yaml, &messages_);                                                                                  \
        ck_assert_msg(has_part(messages_, (part)), "\"%s\" lacks \"%s\"", messages_, (part));                          \
    } while (0)

static inline void fake_one(FakeBox box)
{
    fake_boxes[0] = box;
    fake_n_boxes = 1;
}

static inline void fake_add(FakeBox box)
{
    fake_boxes[fake_n_boxes++] = box;
}

static inline int fixture_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
