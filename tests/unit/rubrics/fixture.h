/* SPDX-License-Identifier: Apache-2.0 */
/* A course folder of its own, two graders that run nothing, and short ways to see what was reported. */
#pragma once

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rubrics/rubrics.h"
#include "tests/unit/run_suite.h"

static char *fixture_folder;
static Diagnostics *diagnostics;

static inline void fixture_open(void)
{
    fixture_folder = g_dir_make_tmp("rubric-course-XXXXXX", NULL);
    ck_assert_ptr_nonnull(fixture_folder);
    diagnostics = diagnostics_new();
}

static inline void fixture_close(void)
{
    file_remove_tree(fixture_folder, NULL);
    g_clear_pointer(&fixture_folder, g_free);
    g_clear_pointer(&diagnostics, diagnostics_free);
}

/* Writes a file below the course folder. */
static inline void put(const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(fixture_folder, path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    ck_assert_int_eq(g_mkdir_with_parents(parent, 0755), 0);
    ck_assert(g_file_set_contents(full, text, -1, NULL));
}

/* All that was reported is this, in order; "" for nothing. */
#define ck_assert_reported(expected)                                                                                   \
    do {                                                                                                               \
        g_autofree char *reported = diagnostics_format(diagnostics);                                                   \
        ck_assert_str_eq(reported, expected);                                                                          \
    } while (0)

#define ck_assert_reports(piece)                                                                                       \
    do {                                                                                                               \
        g_autofree char *reported = diagnostics_format(diagnostics);                                                   \
        ck_assert_msg(strstr(reported, piece) != NULL, "\"%s\" lacks \"%s\"", reported, piece);                        \
    } while (0)

/* ---- graders that only read ----------------------------------------------------------------------------------------
 */

static inline void *fake_run_parse(const YamlNode *node, RubricLoad *load, Diagnostics *to)
{
    if (yaml_kind(node) == YAML_SCALAR) {
        placeholders_check(yaml_scalar(node), node, to);
        return g_strdup(yaml_scalar(node));
    }
    if (yaml_kind(node) == YAML_SEQUENCE)
        return g_strdup("list");
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"run\"", to);
    const char *command = yaml_read_text(&reader, "command", YAML_REQUIRED, "");
    const char *hidden = yaml_read_text(&reader, "hidden", YAML_OPTIONAL, NULL);
    if (hidden)
        rubric_load_uses_file(load, hidden, yaml_get(node, "hidden"), to);
    yaml_reader_end(&reader);
    return g_strdup(command);
}

static inline void *fake_files_parse(const YamlNode *node, RubricLoad *load, Diagnostics *to)
{
    if (yaml_kind(node) != YAML_MAPPING)
        return g_strdup("short");
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"files\"", to);
    yaml_read_node(&reader, "present", YAML_OPTIONAL);
    yaml_read_node(&reader, "absent", YAML_OPTIONAL);
    yaml_reader_end(&reader);
    return g_strdup("files");
}

static const GraderType fake_files = {
    .name = "files", .summary = "files are there", .parse = fake_files_parse, .free = g_free};
static const GraderType fake_run = {.name = "run", .summary = "a command", .parse = fake_run_parse, .free = g_free};
static const GraderType *const fake_graders[] __attribute__((unused)) = {&fake_files, &fake_run, NULL};

/* Puts rubrics/r.yaml and loads it, times being in UTC. */
static inline Rubric *load_rubric(const char *text)
{
    put("rubrics/r.yaml", text);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    return rubric_load(fixture_folder, "rubrics/r.yaml", fake_graders, utc, diagnostics);
}

static inline int fixture_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
