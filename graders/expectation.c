/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/compare.h"
#include "graders/pattern.h"

#include <string.h>

static void read_rule(CompareRule *rule, YamlReader *reader)
{
    static const char *const cases[] = {"keep", "ignore", NULL};
    rule->mode = (CompareMode)yaml_read_choice(reader, "mode", YAML_OPTIONAL, compare_mode_names, (int)rule->mode);
    rule->ignore_case = yaml_read_choice(reader, "case", YAML_OPTIONAL, cases, rule->ignore_case) == 1;
    const double max_tolerance = 1e300;
    rule->tolerance = yaml_read_number(reader, "tolerance", YAML_OPTIONAL, rule->tolerance, 0, max_tolerance);
    const YamlNode *tolerance = yaml_get(reader->mapping, "tolerance");
    rule->has_tolerance |= tolerance != NULL;
    if (tolerance && rule->mode != COMPARE_NUMERIC && rule->mode != COMPARE_JSON)
        yaml_report(tolerance, reader->diagnostics, SEVERITY_ERROR,
                    "tolerance: has a meaning with mode numeric or json only");
}

/* A JSON text that cannot be read fails every submission: say so now. */
static void check_json(const Expectation *expectation, YamlReader *reader)
{
    g_autoptr(GError) error = NULL;
    if (!expectation->text || expectation->rule.mode != COMPARE_JSON)
        return;
    g_autoptr(cJSON) value = json_parse(expectation->text, strlen(expectation->text), &error);
    if (!value)
        yaml_report(yaml_get(reader->mapping, "is"), reader->diagnostics, SEVERITY_ERROR, "is: not JSON: %s",
                    error->message);
}

static void read_source(Expectation *expectation, YamlReader *reader, const char *file_key, RubricLoad *load)
{
    expectation->text = g_strdup(yaml_read_text(reader, "is", YAML_OPTIONAL, NULL));
    expectation->file = g_strdup(yaml_read_text(reader, file_key, YAML_OPTIONAL, NULL));
    const char *pattern = yaml_read_text(reader, "matches", YAML_OPTIONAL, NULL);
    const char *pattern_key = "matches";
    if (!pattern && expectation->rule.mode == COMPARE_REGEX && expectation->text) {
        pattern = expectation->text;
        pattern_key = "is";
    }
    if (pattern) {
        const YamlNode *node = yaml_get(reader->mapping, pattern_key);
        expectation->regex = pattern_compile(pattern, expectation->rule.ignore_case, node, reader->diagnostics);
        expectation->rule.mode = COMPARE_REGEX;
    }
    if (expectation->file)
        rubric_load_uses_file(load, expectation->file, yaml_get(reader->mapping, file_key), reader->diagnostics);
}

void expectation_read(Expectation *expectation, YamlReader *reader, const char *file_key, const CompareRule *inherited,
                      RubricLoad *load)
{
    static const CompareRule standard = {.mode = COMPARE_TRAILING_SPACE, .tolerance = COMPARE_DEFAULT_TOLERANCE};
    *expectation = (Expectation){.rule = inherited ? *inherited : standard};
    read_rule(&expectation->rule, reader);
    read_source(expectation, reader, file_key, load);
    if (!reader->mapping)
        return;
    int n_sources = !!expectation->text + !!expectation->file + !!yaml_get(reader->mapping, "matches");
    if (n_sources > 1)
        yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR, "%s: give one of is, %s and matches, not %d",
                    reader->what, file_key, n_sources);
    if (expectation->rule.mode == COMPARE_REGEX && expectation->file)
        yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR,
                    "%s: mode regex takes its pattern from `matches`, not from a file", reader->what);
    check_json(expectation, reader);
}

bool expectation_is_empty(const Expectation *expectation)
{
    return !expectation->text && !expectation->file && !expectation->regex;
}

void expectation_clear(Expectation *expectation)
{
    g_clear_pointer(&expectation->text, g_free);
    g_clear_pointer(&expectation->file, g_free);
    g_clear_pointer(&expectation->regex, g_regex_unref);
}

static bool compare_pattern(const Expectation *expectation, const char *got, gsize got_length, bool shows_expected,
                            char **ret_difference, GError **error)
{
    bool is_found;
    if (!pattern_found(expectation->regex, got, got_length, &is_found, error))
        return false;
    const char *pattern = pattern_text(expectation->regex);
    g_autofree char *shown = compare_quote(pattern, strlen(pattern));
    if (is_found)
        *ret_difference = NULL;
    else if (shows_expected)
        *ret_difference = g_strdup_printf("nothing in it matches the pattern %s", shown);
    else
        *ret_difference = g_strdup("it does not match the expected pattern");
    return true;
}

/* The expected text: the rubric's own, or its file's (*ret_data owns that). */
static bool load_expected(const Expectation *expectation, const char *course_folder, char **ret_data,
                          const char **ret_text, gsize *ret_length, GError **error)
{
    const gsize max_expected = 16 << 20;
    *ret_data = NULL;
    *ret_text = expectation->text;
    *ret_length = expectation->text ? strlen(expectation->text) : 0;
    if (expectation->text)
        return true;
    g_autofree char *path = g_build_filename(course_folder, expectation->file, NULL);
    if (!file_read(path, max_expected, ret_data, ret_length, error))
        return false;
    *ret_text = *ret_data;
    if (expectation->rule.mode != COMPARE_JSON)
        return true;
    g_autoptr(cJSON) value = json_parse(*ret_data, *ret_length, error);
    if (!value)
        g_prefix_error(error, "the expected text in \"%s\": ", expectation->file);
    return value != NULL;
}

bool expectation_compare(const Expectation *expectation, const char *course_folder, const char *got, gsize got_length,
                         bool shows_expected, char **ret_difference, GError **error)
{
    *ret_difference = NULL;
    if (expectation_is_empty(expectation))
        return true;
    if (expectation->regex)
        return compare_pattern(expectation, got, got_length, shows_expected, ret_difference, error);
    g_autofree char *data = NULL;
    const char *expected;
    gsize length;
    if (!load_expected(expectation, course_folder, &data, &expected, &length, error))
        return false;
    *ret_difference = compare_texts(&expectation->rule, expected, length, got, got_length, shows_expected);
    return true;
}
