/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tokens/policy.h"

#include <string.h>

static const gint64 no_limit = G_MAXINT64;
static const gint64 max_count = 100000; /* of units, times: more is a slip of the pen */

static const char *const unit_names[] = {"started_day", "started_hour", "once", NULL};
static const char *const day_count_names[] = {"friendlier", "elapsed", "wall_clock", NULL};
static const char *const replace_names[] = {"ask", "charge", "never", NULL};

void policy_free(Policy *policy)
{
    if (!policy)
        return;
    g_hash_table_destroy(policy->kinds);
    g_hash_table_destroy(policy->assignments);
    g_free(policy);
}

static Policy *policy_new(void)
{
    Policy *policy = g_new0(Policy, 1);
    policy->cutoff_us = no_limit;
    policy->rule.late = (LateRule){.max_units = no_limit, .hold_after = no_limit, .stop_after = no_limit};
    policy->rule.resubmission = (ResubmissionRule){.max_times = no_limit, .asks = true};
    for (int kind = OWNER_PERSON; kind <= OWNER_TEAM; kind++)
        policy->rule.uncovered[kind] = (UncoveredRule){.kind = UNCOVERED_HOLD};
    policy->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    policy->assignments = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return policy;
}

const Rule *policy_rule(const Policy *policy, const Assignment *assignment)
{
    const Rule *rule = g_hash_table_lookup(policy->assignments, assignment->id);
    if (!rule && assignment->kind)
        rule = g_hash_table_lookup(policy->kinds, assignment->kind);
    return rule ? rule : &policy->rule;
}

/* ---- parts of a rule -------------------------------------------------------------------------------------------- */

static bool scalar_is(const YamlNode *node, const char *text)
{
    return yaml_kind(node) == YAML_SCALAR && strcmp(yaml_scalar(node), text) == 0;
}

static gint64 read_count(YamlReader *reader, const char *key, gint64 fallback, gint64 min)
{
    return yaml_read_integer(reader, key, YAML_OPTIONAL, fallback, min, max_count);
}

static void parse_late(const YamlNode *node, LateRule *rule, Diagnostics *diagnostics)
{
    if (scalar_is(node, "none")) {
        rule->is_allowed = false;
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "late", diagnostics);
    rule->is_allowed = true;
    rule->unit = (LateUnit)yaml_read_choice(&reader, "unit", YAML_OPTIONAL, unit_names, UNIT_STARTED_DAY);
    rule->price_milli = yaml_read_milli(&reader, "price", YAML_REQUIRED, 0);
    rule->flat_milli = yaml_read_milli(&reader, "flat", YAML_OPTIONAL, 0);
    rule->grace_us = yaml_read_span_us(&reader, "grace", YAML_OPTIONAL, 0);
    rule->max_units = read_count(&reader, "max_units", no_limit, 0);
    rule->hold_after = read_count(&reader, "hold_after", no_limit, 0);
    rule->stop_after = read_count(&reader, "stop_after", no_limit, 0);
    yaml_reader_end(&reader);
}

static void parse_resubmission(const YamlNode *node, ResubmissionRule *rule, Diagnostics *diagnostics)
{
    static const char *const after_names[] = {"release", NULL};
    if (scalar_is(node, "none")) {
        rule->is_allowed = false;
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "resubmission", diagnostics);
    rule->is_allowed = true;
    rule->price_milli = yaml_read_milli(&reader, "price", YAML_REQUIRED, 0);
    yaml_read_choice(&reader, "after", YAML_OPTIONAL, after_names, 0);
    rule->max_times = read_count(&reader, "max_times", no_limit, 1);
    rule->asks = yaml_read_bool(&reader, "ask", true);
    yaml_reader_end(&reader);
}

static void parse_uncovered(const YamlNode *node, UncoveredRule *rule, Diagnostics *diagnostics)
{
    if (yaml_kind(node) == YAML_MAPPING) {
        const gint64 all_milli = 100000;
        YamlReader reader;
        yaml_reader_start(&reader, node, "without_tokens", diagnostics);
        gint64 percent_milli = yaml_read_milli(&reader, "percent", YAML_REQUIRED, 0);
        if (percent_milli > all_milli)
            yaml_report(yaml_get(node, "percent"), diagnostics, SEVERITY_ERROR, "percent is at most 100");
        yaml_reader_end(&reader);
        *rule = (UncoveredRule){.kind = UNCOVERED_PERCENT, .percent_milli = percent_milli};
    } else if (scalar_is(node, "feedback")) {
        *rule = (UncoveredRule){.kind = UNCOVERED_FEEDBACK};
    } else if (scalar_is(node, "refused")) {
        *rule = (UncoveredRule){.kind = UNCOVERED_REFUSED};
    } else if (scalar_is(node, "hold")) {
        *rule = (UncoveredRule){.kind = UNCOVERED_HOLD};
    } else {
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "expected {percent: N}, feedback, refused or hold: what late work is worth that no token covers");
    }
}

/* One outcome for all, or one for `person` and one for `team`. */
static void parse_without_tokens(const YamlNode *node, Rule *rule, Diagnostics *diagnostics)
{
    if (!yaml_get(node, "person") && !yaml_get(node, "team")) {
        parse_uncovered(node, &rule->uncovered[OWNER_PERSON], diagnostics);
        rule->uncovered[OWNER_TEAM] = rule->uncovered[OWNER_PERSON];
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "without_tokens", diagnostics);
    for (int kind = OWNER_PERSON; kind <= OWNER_TEAM; kind++) {
        const YamlNode *part = yaml_read_node(&reader, kind == OWNER_PERSON ? "person" : "team", YAML_OPTIONAL);
        if (part)
            parse_uncovered(part, &rule->uncovered[kind], diagnostics);
    }
    yaml_reader_end(&reader);
}

static void read_rule(YamlReader *reader, Rule *rule)
{
    const YamlNode *late = yaml_read_node(reader, "late", YAML_OPTIONAL);
    const YamlNode *resubmission = yaml_read_node(reader, "resubmission", YAML_OPTIONAL);
    const YamlNode *without_tokens = yaml_read_node(reader, "without_tokens", YAML_OPTIONAL);
    if (late)
        parse_late(late, &rule->late, reader->diagnostics);
    if (resubmission)
        parse_resubmission(resubmission, &rule->resubmission, reader->diagnostics);
    if (without_tokens)
        parse_without_tokens(without_tokens, rule, reader->diagnostics);
}

/* ---- what differs by kind and by assignment --------------------------------------------------------------------- */

typedef const Rule *(*FindBase)(const Policy *policy, const Course *course, const YamlNode *key,
                                Diagnostics *diagnostics);

static const Rule *base_of_kind(const Policy *policy, const Course *course, const YamlNode *key,
                                Diagnostics *diagnostics)
{
    static const char *const kinds[] = {"homework", "milestone", "quiz", "lab", "other"};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (scalar_is(key, kinds[i]))
            return &policy->rule;
    }
    yaml_report(key, diagnostics, SEVERITY_ERROR,
                "\"%s\" is no kind of assignment; there are homework, milestone, quiz, lab and other",
                yaml_scalar(key));
    return NULL;
}

static const Rule *base_of_assignment(const Policy *policy, const Course *course, const YamlNode *key,
                                      Diagnostics *diagnostics)
{
    const Assignment *assignment = course_assignment(course, yaml_scalar(key));
    if (!assignment) {
        yaml_report(key, diagnostics, SEVERITY_ERROR, "there is no assignment \"%s\" in this course", yaml_scalar(key));
        return NULL;
    }
    return policy_rule(policy, assignment);
}

/* Each entry starts from the rule that would hold without it and changes what it names. */
static void read_overrides(YamlReader *reader, const char *key, const Policy *policy, const Course *course,
                           FindBase find_base, GHashTable *overrides)
{
    const YamlNode *mapping = yaml_read_mapping(reader, key, YAML_OPTIONAL);
    for (gsize i = 0; mapping && i < yaml_length(mapping); i++) {
        const YamlNode *name = yaml_key(mapping, i);
        const Rule *base = find_base(policy, course, name, reader->diagnostics);
        if (!base)
            continue;
        Rule rule = *base;
        YamlReader entry;
        yaml_reader_start(&entry, yaml_value(mapping, i), key, reader->diagnostics);
        read_rule(&entry, &rule);
        yaml_reader_end(&entry);
        g_hash_table_insert(overrides, g_strdup(yaml_scalar(name)), g_memdup2(&rule, sizeof rule));
    }
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static void read_banks(YamlReader *reader, Policy *policy)
{
    const YamlNode *banks = yaml_read_mapping(reader, "banks", YAML_REQUIRED);
    if (!banks)
        return;
    YamlReader banks_reader;
    yaml_reader_start(&banks_reader, banks, "banks", reader->diagnostics);
    for (int kind = OWNER_PERSON; kind <= OWNER_TEAM; kind++) {
        const YamlNode *bank =
            yaml_read_mapping(&banks_reader, kind == OWNER_PERSON ? "person" : "team", YAML_OPTIONAL);
        if (!bank)
            continue;
        YamlReader bank_reader;
        yaml_reader_start(&bank_reader, bank, "bank", reader->diagnostics);
        policy->pool_milli[kind] = yaml_read_milli(&bank_reader, "pool", YAML_REQUIRED, 0);
        yaml_reader_end(&bank_reader);
    }
    yaml_reader_end(&banks_reader);
}

static void read_policy(const Course *course, const YamlNode *node, Policy *policy, Diagnostics *diagnostics)
{
    YamlReader reader;
    yaml_reader_start(&reader, node, "tokens", diagnostics);
    read_banks(&reader, policy);
    policy->cutoff_us = yaml_read_time_us(&reader, "cutoff", YAML_OPTIONAL, course->zone, no_limit);
    policy->day_count =
        (DayCount)yaml_read_choice(&reader, "day_count", YAML_OPTIONAL, day_count_names, DAYS_FRIENDLIER);
    policy->replace_on_time =
        (ReplaceOnTime)yaml_read_choice(&reader, "replace_on_time", YAML_OPTIONAL, replace_names, REPLACE_ASK);
    read_rule(&reader, &policy->rule);
    /* In this order: an assignment's entry starts from its kind's. */
    read_overrides(&reader, "kinds", policy, course, base_of_kind, policy->kinds);
    read_overrides(&reader, "assignments", policy, course, base_of_assignment, policy->assignments);
    yaml_reader_end(&reader);
}

Policy *policy_parse(const Course *course, Diagnostics *diagnostics)
{
    g_autoptr(Policy) policy = policy_new();
    const YamlNode *node = course_section(course, "tokens");
    if (!node) {
        policy->is_empty = true;
        return g_steal_pointer(&policy);
    }
    unsigned n_errors = diagnostics_count(diagnostics, SEVERITY_ERROR);
    read_policy(course, node, policy, diagnostics);
    return diagnostics_count(diagnostics, SEVERITY_ERROR) == n_errors ? g_steal_pointer(&policy) : NULL;
}
