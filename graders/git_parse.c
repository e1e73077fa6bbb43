/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/git.h"

#include "graders/pattern.h"

#include <string.h>

/* The zone is known when a submission is judged; what is wrong in any zone is said now. */
static char *read_time(YamlReader *reader, const char *key, bool may_be_deadline)
{
    const char *text = yaml_read_text(reader, key, YAML_OPTIONAL, NULL);
    gint64 ignored;
    if (!text || (may_be_deadline && g_str_equal(text, "deadline")))
        return g_strdup(text);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    if (!clock_parse(text, utc, &ignored, NULL))
        yaml_report(yaml_get(reader->mapping, key), reader->diagnostics, SEVERITY_ERROR,
                    "%s: expected a time like 2022-09-21 23:59%s, got \"%s\"", key,
                    may_be_deadline ? " or deadline" : "", text);
    return g_strdup(text);
}

static void read_commits(GitParameters *parameters, YamlReader *outer)
{
    const gint64 max_count = 10000;
    const YamlNode *node = yaml_read_node(outer, "commits", YAML_OPTIONAL);
    if (!node)
        return;
    parameters->has_commits = true;
    if (yaml_kind(node) == YAML_SCALAR) {
        parameters->min_commits = yaml_read_integer(outer, "commits", YAML_OPTIONAL, 1, 1, max_count);
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "commits", outer->diagnostics);
    parameters->min_commits = yaml_read_integer(&reader, "min", YAML_OPTIONAL, 1, 0, max_count);
    parameters->by_each_member = yaml_read_integer(&reader, "by_each_member", YAML_OPTIONAL, 0, 1, max_count);
    parameters->since = read_time(&reader, "since", false);
    parameters->until = read_time(&reader, "until", true);
    parameters->branch = g_strdup(yaml_read_text(&reader, "on", YAML_OPTIONAL, NULL));
    parameters->counts_merges = yaml_read_bool(&reader, "merges", false);
    yaml_reader_end(&reader);
}

/* "60" or "60%", with at most three decimals. */
static gint64 read_share(YamlReader *reader)
{
    const gint64 fallback = 0, whole = 100 * 1000;
    const char *text = yaml_read_text(reader, "share", YAML_OPTIONAL, NULL);
    if (!text)
        return fallback;
    g_autofree char *number = g_strdup(text);
    if (g_str_has_suffix(number, "%"))
        number[strlen(number) - 1] = '\0';
    char *end = NULL;
    double share = g_ascii_isdigit(*number) ? g_ascii_strtod(number, &end) : -1;
    if (share >= 0 && share * 1000 < whole && *g_strchug(end) == '\0')
        return (gint64)(share * 1000 + 0.5);
    yaml_report(
        yaml_get(reader->mapping, "share"), reader->diagnostics, SEVERITY_ERROR,
        "share: expected a percentage from 0 to below 100 like 60 (more than this share must match), got \"%s\"", text);
    return fallback;
}

static void read_messages(GitParameters *parameters, YamlReader *outer)
{
    const YamlNode *node = yaml_read_mapping(outer, "messages", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "messages", outer->diagnostics);
    if (yaml_read_text(&reader, "match", YAML_REQUIRED, NULL))
        parameters->message = pattern_read(&reader, "match");
    parameters->message_share_milli = read_share(&reader);
    yaml_reader_end(&reader);
}

static char **read_globs(YamlReader *reader, const char *key)
{
    char **globs = yaml_read_texts(reader, key, YAML_OPTIONAL);
    for (gsize i = 0; globs && globs[i]; i++) {
        const char *problem = glob_problem(globs[i]);
        if (problem)
            yaml_report(yaml_get(reader->mapping, key), reader->diagnostics, SEVERITY_ERROR, "%s: the glob \"%s\" %s",
                        key, globs[i], problem);
    }
    return globs;
}

void *git_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    (void)load; /* reads no file of the course */
    GitParameters *parameters = g_new0(GitParameters, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"git\"", diagnostics);
    read_commits(parameters, &reader);
    read_messages(parameters, &reader);
    parameters->max_file_bytes = yaml_read_bytes(&reader, "max_file_size", YAML_OPTIONAL, -1);
    parameters->tags = read_globs(&reader, "has_tag");
    parameters->branches = read_globs(&reader, "has_branch");
    parameters->no_secrets = yaml_read_bool(&reader, "no_secrets", false);
    bool is_mapping = reader.mapping != NULL;
    yaml_reader_end(&reader);
    bool has_rule = parameters->has_commits || parameters->max_file_bytes >= 0 || parameters->tags ||
                    parameters->branches || parameters->no_secrets || (is_mapping && yaml_get(node, "messages"));
    if (is_mapping && !has_rule)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "check \"git\" asks for nothing: give commits, messages, max_file_size, has_tag, has_branch or "
                    "no_secrets");
    return parameters;
}

void git_free(void *data)
{
    GitParameters *parameters = data;
    if (!parameters)
        return;
    g_free(parameters->since);
    g_free(parameters->until);
    g_free(parameters->branch);
    g_clear_pointer(&parameters->message, g_regex_unref);
    g_strfreev(parameters->tags);
    g_strfreev(parameters->branches);
    g_free(parameters);
}
