/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/run.h"

#include "graders/pattern.h"

#include <string.h>

static const gsize max_cases = 1000;
static const gsize max_writes = 64;

static void read_input(RunInput *input, YamlReader *reader, RubricLoad *load)
{
    input->text = g_strdup(yaml_read_text(reader, "stdin", YAML_OPTIONAL, NULL));
    input->file = g_strdup(yaml_read_text(reader, "stdin_file", YAML_OPTIONAL, NULL));
    if (input->file)
        rubric_load_uses_file(load, input->file, yaml_get(reader->mapping, "stdin_file"), reader->diagnostics);
    if (input->file && input->text)
        yaml_report(yaml_get(reader->mapping, "stdin_file"), reader->diagnostics, SEVERITY_ERROR,
                    "give stdin or stdin_file, not both");
}

/* `stdout: text`, or a mapping. */
static void read_stream(Expectation *expected, YamlReader *reader, const char *key, const CompareRule *inherited,
                        RubricLoad *load)
{
    const YamlNode *node = yaml_read_node(reader, key, YAML_OPTIONAL);
    *expected = (Expectation){.rule = {.mode = COMPARE_TRAILING_SPACE, .tolerance = COMPARE_DEFAULT_TOLERANCE}};
    if (inherited)
        expected->rule = *inherited;
    if (!node)
        return;
    if (yaml_kind(node) == YAML_SCALAR && expected->rule.mode != COMPARE_REGEX) {
        expected->text = g_strdup(yaml_scalar(node));
        return;
    }
    if (yaml_kind(node) == YAML_SCALAR) {
        expected->regex = pattern_compile(yaml_scalar(node), expected->rule.ignore_case, node, reader->diagnostics);
        return;
    }
    YamlReader inner;
    yaml_reader_start(&inner, node, key, reader->diagnostics);
    expectation_read(expected, &inner, "file", inherited, load);
    yaml_reader_end(&inner);
}

static void write_free(gpointer data)
{
    RunWrite *write = data;
    g_free(write->path);
    expectation_clear(&write->expected);
    g_free(write);
}

static void read_write(GPtrArray *writes, const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    RunWrite *write = g_new0(RunWrite, 1);
    g_ptr_array_add(writes, write);
    if (yaml_kind(node) == YAML_SCALAR) {
        write->path = g_strdup(yaml_scalar(node));
        command_check_path(write->path, node, diagnostics);
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "writes", diagnostics);
    write->path = g_strdup(yaml_read_text(&reader, "file", YAML_REQUIRED, ""));
    if (reader.mapping && *write->path)
        command_check_path(write->path, yaml_get(reader.mapping, "file"), diagnostics);
    expectation_read(&write->expected, &reader, "same_as", NULL, load);
    yaml_reader_end(&reader);
}

static GPtrArray *read_writes(YamlReader *reader, RubricLoad *load)
{
    GPtrArray *writes = g_ptr_array_new_with_free_func(write_free);
    const YamlNode *node = yaml_read_node(reader, "writes", YAML_OPTIONAL);
    if (!node)
        return writes;
    gsize n = yaml_kind(node) == YAML_SEQUENCE ? yaml_length(node) : 1;
    if (n > max_writes)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "writes: at most %zu files, not %zu", max_writes, n);
    for (gsize i = 0; i < MIN(n, max_writes); i++)
        read_write(writes, yaml_kind(node) == YAML_SEQUENCE ? yaml_item(node, i) : node, load, reader->diagnostics);
    return writes;
}

void run_case_free(void *data)
{
    RunCase *run_case = data;
    g_free(run_case->name);
    g_strfreev(run_case->args);
    g_free(run_case->input.text);
    g_free(run_case->input.file);
    expectation_clear(&run_case->expected);
    g_free(run_case);
}

static RunCase *read_case(const YamlNode *node, gsize number, const CompareRule *rule, RubricLoad *load,
                          Diagnostics *diagnostics)
{
    RunCase *run_case = g_new0(RunCase, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "case", diagnostics);
    g_autofree char *fallback = g_strdup_printf("%zu", number);
    run_case->name = g_strdup(yaml_read_text(&reader, "name", YAML_OPTIONAL, fallback));
    run_case->args = yaml_read_texts(&reader, "args", YAML_OPTIONAL);
    for (gsize i = 0; run_case->args && run_case->args[i]; i++)
        placeholders_check(run_case->args[i], yaml_get(node, "args"), diagnostics);
    read_input(&run_case->input, &reader, load);
    read_stream(&run_case->expected, &reader, "stdout", rule, load);
    yaml_reader_end(&reader);
    return run_case;
}

static void read_cases(RunParameters *parameters, YamlReader *reader, RubricLoad *load)
{
    const YamlNode *node = yaml_read_sequence(reader, "cases", YAML_OPTIONAL);
    parameters->cases_folder = g_strdup(yaml_read_text(reader, "cases_folder", YAML_OPTIONAL, NULL));
    if (parameters->cases_folder)
        rubric_load_uses_file(load, parameters->cases_folder, yaml_get(reader->mapping, "cases_folder"),
                              reader->diagnostics);
    if (!node)
        return;
    if (parameters->cases_folder)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "give cases or cases_folder, not both");
    if (yaml_length(node) == 0 || yaml_length(node) > max_cases) {
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "cases: expected 1 to %zu cases, not %zu", max_cases,
                    yaml_length(node));
        return;
    }
    parameters->cases = g_ptr_array_new_with_free_func(run_case_free);
    for (gsize i = 0; i < yaml_length(node); i++)
        g_ptr_array_add(parameters->cases,
                        read_case(yaml_item(node, i), i + 1, &parameters->out.rule, load, reader->diagnostics));
}

/* A rule without an expected text means something only where cases bring one. */
static void check_streams(const RunParameters *parameters, YamlReader *reader)
{
    bool has_cases = parameters->cases || parameters->cases_folder;
    const YamlNode *out = yaml_get(reader->mapping, "stdout"), *err = yaml_get(reader->mapping, "stderr");
    if (out && yaml_kind(out) == YAML_MAPPING && expectation_is_empty(&parameters->out) && !has_cases)
        yaml_report(out, reader->diagnostics, SEVERITY_ERROR,
                    "stdout: says nothing to compare with: give is, file or matches");
    if (err && yaml_kind(err) == YAML_MAPPING && expectation_is_empty(&parameters->err))
        yaml_report(err, reader->diagnostics, SEVERITY_ERROR,
                    "stderr: says nothing to compare with: give is, file or matches");
    if (parameters->cases_folder && !expectation_is_empty(&parameters->out))
        yaml_report(
            out, reader->diagnostics, SEVERITY_ERROR,
            "stdout: with cases_folder the expected texts are its NAME.out; only mode, tolerance and case go here");
}

static void read_mapping(RunParameters *parameters, const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    static const char *const shows[] = {"diff", "none", NULL};
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"run\"", diagnostics);
    command_read(&parameters->command, &reader, "command", load);
    read_input(&parameters->input, &reader, load);
    read_stream(&parameters->out, &reader, "stdout", NULL, load);
    read_stream(&parameters->err, &reader, "stderr", NULL, load);
    parameters->out_contains = yaml_read_texts(&reader, "stdout_contains", YAML_OPTIONAL);
    parameters->out_lacks = yaml_read_texts(&reader, "stdout_lacks", YAML_OPTIONAL);
    parameters->err_contains = yaml_read_texts(&reader, "stderr_contains", YAML_OPTIONAL);
    parameters->err_lacks = yaml_read_texts(&reader, "stderr_lacks", YAML_OPTIONAL);
    parameters->writes = read_writes(&reader, load);
    read_cases(parameters, &reader, load);
    parameters->shows_expected = yaml_read_choice(&reader, "show", YAML_OPTIONAL, shows, 0) == 0;
    if (reader.mapping)
        check_streams(parameters, &reader);
    yaml_reader_end(&reader);
}

void *run_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    RunParameters *parameters = g_new0(RunParameters, 1);
    parameters->shows_expected = true;
    if (yaml_kind(node) == YAML_MAPPING) {
        read_mapping(parameters, node, load, diagnostics);
        return parameters;
    }
    command_read_short(&parameters->command, node, diagnostics);
    parameters->command.image = rubric_load_common_image(load);
    parameters->writes = g_ptr_array_new_with_free_func(write_free);
    return parameters;
}

void run_free(void *data)
{
    RunParameters *parameters = data;
    if (!parameters)
        return;
    command_clear(&parameters->command);
    g_free(parameters->input.text);
    g_free(parameters->input.file);
    expectation_clear(&parameters->out);
    expectation_clear(&parameters->err);
    g_strfreev(parameters->out_contains);
    g_strfreev(parameters->out_lacks);
    g_strfreev(parameters->err_contains);
    g_strfreev(parameters->err_lacks);
    g_ptr_array_unref(parameters->writes);
    g_clear_pointer(&parameters->cases, g_ptr_array_unref);
    g_free(parameters->cases_folder);
    g_free(parameters);
}
