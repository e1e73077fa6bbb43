/* SPDX-License-Identifier: Apache-2.0 */
/* `files`: what must and must not lie in the submission, and what is in it. */
#include "graders/builtin.h"
#include "graders/compare.h"
#include "graders/pattern.h"
#include "graders/workspace.h"

#include <string.h>

typedef enum { ENCODING_ANY, ENCODING_UTF8, ENCODING_ASCII } Encoding;
static const char *const encoding_names[] = {"any", "utf8", "ascii", NULL};

typedef struct {
    char **globs;                /* a file counts when one of them matches */
    char *shown;                 /* them in a message, without the outer quotes */
    bool is_absent;              /* nothing may match */
    gint64 min, max;             /* how many files match */
    gint64 min_bytes, max_bytes; /* of each */
    Encoding encoding;           /* of each */
    GRegex *text;                /* in one of them */
    GRegex *lacks;               /* in none of them */
} FileRule;

static void rule_free(gpointer data)
{
    FileRule *rule = data;
    g_strfreev(rule->globs);
    g_free(rule->shown);
    g_clear_pointer(&rule->text, g_regex_unref);
    g_clear_pointer(&rule->lacks, g_regex_unref);
    g_free(rule);
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static void read_size(FileRule *rule, YamlReader *reader)
{
    const YamlNode *node = yaml_read_mapping(reader, "size", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader inner;
    yaml_reader_start(&inner, node, "size", reader->diagnostics);
    rule->min_bytes = yaml_read_bytes(&inner, "min", YAML_OPTIONAL, 0);
    rule->max_bytes = yaml_read_bytes(&inner, "max", YAML_OPTIONAL, G_MAXINT64);
    yaml_reader_end(&inner);
    if (rule->min_bytes > rule->max_bytes)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "size: min is over max");
}

static void read_rule_mapping(FileRule *rule, const YamlNode *node, Diagnostics *diagnostics)
{
    const gint64 max_count = 100000;
    YamlReader reader;
    yaml_reader_start(&reader, node, rule->is_absent ? "absent" : "present", diagnostics);
    rule->globs = yaml_read_texts(&reader, "glob", YAML_REQUIRED);
    if (!rule->is_absent) {
        rule->min = yaml_read_integer(&reader, "min", YAML_OPTIONAL, rule->min, 0, max_count);
        rule->max = yaml_read_integer(&reader, "max", YAML_OPTIONAL, rule->max, 0, max_count);
        if (rule->min > rule->max)
            yaml_report(node, diagnostics, SEVERITY_ERROR, "present: min is over max");
        rule->text = pattern_read(&reader, "text");
        rule->lacks = pattern_read(&reader, "lacks");
        rule->encoding = (Encoding)yaml_read_choice(&reader, "encoding", YAML_OPTIONAL, encoding_names, ENCODING_ANY);
        read_size(rule, &reader);
    }
    yaml_reader_end(&reader);
}

static void read_rule(GPtrArray *rules, const YamlNode *node, bool is_absent, Diagnostics *diagnostics)
{
    FileRule *rule = g_new0(FileRule, 1);
    g_ptr_array_add(rules, rule);
    *rule = (FileRule){.is_absent = is_absent, .min = 1, .max = G_MAXINT64, .max_bytes = G_MAXINT64};
    if (yaml_kind(node) == YAML_MAPPING)
        read_rule_mapping(rule, node, diagnostics);
    else if (yaml_kind(node) == YAML_SCALAR)
        rule->globs = g_strdupv((char *[]){(char *)yaml_scalar(node), NULL});
    else
        yaml_report(node, diagnostics, SEVERITY_ERROR, "expected a glob, or {glob: ...}");
    if (!rule->globs)
        rule->globs = g_new0(char *, 1);
    rule->shown = g_strjoinv("\" or \"", rule->globs);
    const YamlNode *at = yaml_kind(node) == YAML_MAPPING ? yaml_get(node, "glob") : node;
    for (char **glob = rule->globs; *glob; glob++) {
        const char *problem = glob_problem(*glob);
        if (problem)
            yaml_report(at, diagnostics, SEVERITY_ERROR, "the glob \"%s\" %s", *glob, problem);
    }
}

/* One rule, or a list of them. */
static void read_rules(GPtrArray *rules, const YamlNode *node, bool is_absent, Diagnostics *diagnostics)
{
    const gsize max_rules = 200;
    if (yaml_kind(node) != YAML_SEQUENCE) {
        read_rule(rules, node, is_absent, diagnostics);
        return;
    }
    if (yaml_length(node) > max_rules)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "at most %zu rules", max_rules);
    for (gsize i = 0; i < MIN(yaml_length(node), max_rules); i++)
        read_rule(rules, yaml_item(node, i), is_absent, diagnostics);
}

static void *files_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    (void)load; /* reads no file of the course */
    GPtrArray *rules = g_ptr_array_new_with_free_func(rule_free);
    if (yaml_kind(node) != YAML_MAPPING) { /* short form: what must be there */
        read_rules(rules, node, false, diagnostics);
        return rules;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"files\"", diagnostics);
    const YamlNode *present = yaml_read_node(&reader, "present", YAML_OPTIONAL);
    const YamlNode *absent = yaml_read_node(&reader, "absent", YAML_OPTIONAL);
    yaml_reader_end(&reader);
    if (present)
        read_rules(rules, present, false, diagnostics);
    if (absent)
        read_rules(rules, absent, true, diagnostics);
    if (rules->len == 0)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "check \"files\" asks for nothing: give present or absent");
    return rules;
}

static void files_free(void *parameters)
{
    if (parameters)
        g_ptr_array_unref(parameters);
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const GraderContext *context;
    const GPtrArray *entries;
    gsize n_bytes_read;
    gint64 deadline_us;
    GString *evidence; /* what was found, for whoever judges on */
} Search;

/* "src/" means the folder; a rule of what must be there means files, one of what must not be there anything. */
static bool glob_takes(const char *glob, const FileRule *rule, const Entry *entry, bool ignore_case)
{
    bool means_folder = g_str_has_suffix(glob, "/");
    if (means_folder != (entry->kind == ENTRY_FOLDER) && !(rule->is_absent && !means_folder))
        return false;
    if (!rule->is_absent && entry->kind == ENTRY_OTHER)
        return false;
    return glob_matches(glob, entry->path, ignore_case);
}

static bool rule_matches(const FileRule *rule, const Entry *entry, bool ignore_case)
{
    for (char **glob = rule->globs; *glob; glob++) {
        if (glob_takes(*glob, rule, entry, ignore_case))
            return true;
    }
    return false;
}

static GPtrArray *find_matches(const FileRule *rule, const GPtrArray *entries)
{
    GPtrArray *matches = g_ptr_array_new();
    for (guint i = 0; i < entries->len; i++) {
        Entry *entry = g_ptr_array_index(entries, i);
        if (rule_matches(rule, entry, false))
            g_ptr_array_add(matches, entry);
    }
    return matches;
}

/* The name may lie in another folder, or differ in upper and lower case. */
static bool is_near(const FileRule *rule, const Entry *entry)
{
    if (rule_matches(rule, entry, true))
        return true;
    for (char **glob = rule->globs; *glob && entry->kind == ENTRY_FILE; glob++) {
        const char *last = strrchr(*glob, '/');
        g_autofree char *anywhere = g_strconcat("**/", last && last[1] ? last + 1 : *glob, NULL);
        if (glob_matches(anywhere, entry->path, true))
            return true;
    }
    return false;
}

/* What may have been meant by a name that is not there. */
static char *suggest(const FileRule *rule, const GPtrArray *entries)
{
    for (guint i = 0; i < entries->len; i++) {
        const Entry *entry = g_ptr_array_index(entries, i);
        if (!is_near(rule, entry))
            continue;
        g_autofree char *shown = compare_quote(entry->path, strlen(entry->path));
        return g_strdup_printf("; there is %s (upper and lower case and the folder matter)", shown);
    }
    return g_strdup("");
}

static char *check_count(const FileRule *rule, const GPtrArray *matches, const GPtrArray *entries)
{
    const char *kind = g_str_has_suffix(rule->shown, "/") ? "folder" : "file";
    if (matches->len >= rule->min && matches->len <= rule->max)
        return NULL;
    if (matches->len == 0) {
        g_autofree char *hint = suggest(rule, entries);
        bool is_glob = strpbrk(rule->shown, "*?[") != NULL;
        return g_strdup_printf("there is no %s %s\"%s\"%s", kind, is_glob ? "matching " : "", rule->shown, hint);
    }
    if (matches->len < rule->min)
        return g_strdup_printf("%u %ss match \"%s\", at least %" G_GINT64_FORMAT " must", matches->len, kind,
                               rule->shown, rule->min);
    return g_strdup_printf("%u %ss match \"%s\", at most %" G_GINT64_FORMAT " may", matches->len, kind, rule->shown,
                           rule->max);
}

static char *check_size(const FileRule *rule, const Entry *entry)
{
    if (entry->bytes >= rule->min_bytes && entry->bytes <= rule->max_bytes)
        return NULL;
    g_autofree char *path = compare_quote(entry->path, strlen(entry->path));
    bool is_small = entry->bytes < rule->min_bytes;
    return g_strdup_printf("%s has %" G_GINT64_FORMAT " bytes, it must have at %s %" G_GINT64_FORMAT, path,
                           entry->bytes, is_small ? "least" : "most", is_small ? rule->min_bytes : rule->max_bytes);
}

static gsize valid_length(const char *data, gsize length, Encoding encoding)
{
    if (encoding == ENCODING_UTF8) {
        const char *end;
        g_utf8_validate(data, (gssize)length, &end);
        return (gsize)(end - data);
    }
    gsize n = 0;
    while (n < length && data[n] > 0)
        n++;
    return n;
}

static char *check_encoding(const FileRule *rule, const char *path, const char *data, gsize length)
{
    if (rule->encoding == ENCODING_ANY)
        return NULL;
    gsize n_valid = valid_length(data, length, rule->encoding);
    if (n_valid == length)
        return NULL;
    gsize line = 1;
    for (gsize i = 0; i < n_valid; i++)
        line += data[i] == '\n';
    return g_strdup_printf("%s is not %s: line %zu holds the byte 0x%02x", path,
                           rule->encoding == ENCODING_UTF8 ? "valid UTF-8" : "plain ASCII", line,
                           (guint8)data[n_valid]);
}

static bool rule_reads(const FileRule *rule)
{
    return rule->encoding != ENCODING_ANY || rule->text || rule->lacks;
}

/* Reads one file for the rule. *ret_problem: a sentence, or NULL. *text_line: where the rule's text was found first. */
static bool check_content(Search *search, const FileRule *rule, const Entry *entry, char **text_line,
                          char **ret_problem, GError **error)
{
    const gsize max_total = 64 << 20;
    g_autofree char *path = compare_quote(entry->path, strlen(entry->path));
    if (entry->bytes > (gint64)PATTERN_MAX_TEXT) {
        *ret_problem = g_strdup_printf(
            "%s has %" G_GINT64_FORMAT " bytes; a file that is searched may have 1 MiB at most", path, entry->bytes);
        return true;
    }
    search->n_bytes_read += (gsize)entry->bytes;
    if (search->n_bytes_read > max_total) {
        *ret_problem = g_strdup_printf("more than 64 MiB of files match \"%s\", too many to be searched", rule->shown);
        return true;
    }
    if (clock_monotonic_us() > search->deadline_us)
        return error_set(error, RUBRIC_ERROR_LIMIT, "searching the files took longer than the check's wall limit");
    g_autofree char *data = NULL;
    gsize length;
    if (!workspace_read(search->context, entry->path, PATTERN_MAX_TEXT, &data, &length, error))
        return false;
    *ret_problem = check_encoding(rule, path, data, length);
    bool is_found = false;
    if (!*ret_problem && rule->lacks) {
        if (!pattern_found(rule->lacks, data, length, &is_found, error))
            return false;
        if (is_found)
            *ret_problem =
                g_strdup_printf("%s holds text that it must not (pattern: %s)", path, pattern_text(rule->lacks));
    }
    if (*ret_problem || !rule->text || *text_line)
        return true;
    return pattern_find_line(rule->text, data, length, text_line, error);
}

static char *check_absent(const GPtrArray *matches, const FileRule *rule)
{
    if (matches->len == 0)
        return NULL;
    const Entry *first = g_ptr_array_index(matches, 0);
    g_autofree char *path = compare_quote(first->path, strlen(first->path));
    g_autofree char *more = matches->len > 1 ? g_strdup_printf(" and %u more", matches->len - 1) : g_strdup("");
    return g_strdup_printf("%s%s must not be there (\"%s\")", path, more, rule->shown);
}

/* What a TA wants to see of what is there: which files, and the line with the text. */
static void note_matches(Search *search, const FileRule *rule, const GPtrArray *matches, const char *text_line)
{
    const guint max_shown = 5;
    for (guint i = 0; rule->min > 0 && i < MIN(matches->len, max_shown); i++) {
        const Entry *entry = g_ptr_array_index(matches, i);
        g_autofree char *path = compare_quote(entry->path, strlen(entry->path));
        g_string_append_printf(search->evidence, "%s, %" G_GINT64_FORMAT " bytes\n", path, entry->bytes);
    }
    if (rule->min > 0 && matches->len > max_shown)
        g_string_append_printf(search->evidence, "and %u more\n", matches->len - max_shown);
    if (text_line)
        g_string_append_printf(search->evidence, "    %s\n", text_line);
}

static bool judge_rule(Search *search, const FileRule *rule, char **ret_problem, GError **error)
{
    g_autoptr(GPtrArray) matches = find_matches(rule, search->entries);
    *ret_problem = rule->is_absent ? check_absent(matches, rule) : check_count(rule, matches, search->entries);
    if (*ret_problem || rule->is_absent)
        return true;
    g_autofree char *text_line = NULL;
    for (guint i = 0; i < matches->len && !*ret_problem; i++) {
        const Entry *entry = g_ptr_array_index(matches, i);
        if (entry->kind != ENTRY_FILE)
            continue;
        *ret_problem = check_size(rule, entry);
        if (!*ret_problem && rule_reads(rule) && !check_content(search, rule, entry, &text_line, ret_problem, error))
            return false;
    }
    if (!*ret_problem && rule->text && !text_line && matches->len > 0) {
        const Entry *first = g_ptr_array_index(matches, 0);
        g_autofree char *path = compare_quote(first->path, strlen(first->path));
        g_autofree char *where =
            matches->len == 1 ? g_strdup(path) : g_strdup_printf("none of the %u files", matches->len);
        *ret_problem = g_strdup_printf("%s %s the text that it must (pattern: %s)", where,
                                       matches->len == 1 ? "lacks" : "holds", pattern_text(rule->text));
    }
    if (!*ret_problem)
        note_matches(search, rule, matches, text_line);
    return true;
}

static void append_sentence(GString *text, const char *sentence)
{
    if (text->len > 0)
        g_string_append(text, "; ");
    g_string_append(text, sentence);
}

static bool files_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    const GPtrArray *rules = check->parameters;
    g_autoptr(GPtrArray) entries = workspace_list(context, error);
    if (!entries)
        return false;
    g_autoptr(GString) evidence = g_string_new(NULL);
    Search search = {.context = context,
                     .entries = entries,
                     .evidence = evidence,
                     .deadline_us = clock_monotonic_us() + check->limits.wall_ms * (CLOCK_SECOND_US / 1000)};
    g_autoptr(GString) problems = g_string_new(NULL);
    for (guint i = 0; i < rules->len; i++) {
        g_autofree char *problem = NULL;
        if (!judge_rule(&search, g_ptr_array_index(rules, i), &problem, error))
            return false;
        if (problem)
            append_sentence(problems, problem);
    }
    if (problems->len > 0)
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "%s", problems->str);
    else
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_PASS, "the files are as they should be");
    (*ret_finding)->evidence = evidence->len > 0 ? g_strdup(evidence->str) : NULL;
    (*ret_finding)->figures = cJSON_CreateObject();
    json_add_int64((*ret_finding)->figures, "entries", entries->len);
    return true;
}

const Grader grader_files = {
    .type = {.name = "files",
             .summary = "looks for files that must or must not be there, and into them",
             .parse = files_parse,
             .free = files_free},
    .judge = files_judge,
};
