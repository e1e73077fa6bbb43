/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tokens/policy.h"

#include <stdio.h>
#include <string.h>

static const gint64 no_limit = G_MAXINT64;
static const char *const day_count_names[] = {"friendlier", "elapsed", "wall_clock", NULL};
static const char *const replace_names[] = {"ask", "charge", "never", NULL};

void policy_free(Policy *policy)
{
    if (!policy)
        return;
    g_hash_table_destroy(policy->kinds);
    g_hash_table_destroy(policy->assignments);
    g_ptr_array_unref(policy->period_rules);
    g_free(policy);
}

static Policy *policy_new(void)
{
    const gint64 all_milli = 100000;
    const Scale nothing = {.at_most_milli = no_limit};
    Policy *policy = g_new0(Policy, 1);
    policy->rule.cutoff_us = no_limit;
    policy->rule.late = (LateRule){.price = nothing,
                                   .within_us = no_limit,
                                   .max_units = no_limit,
                                   .max_units_term = no_limit,
                                   .max_assignments = no_limit,
                                   .hold_after = no_limit,
                                   .stop_after = no_limit,
                                   .is_partial = true};
    policy->rule.resubmission = (ResubmissionRule){.price = nothing,
                                                   .max_times = no_limit,
                                                   .max_times_term = no_limit,
                                                   .asks = true,
                                                   .share_milli = all_milli,
                                                   .cap_milli = no_limit,
                                                   .below_milli = no_limit,
                                                   .refund_milli = no_limit,
                                                   .max_a_round = no_limit,
                                                   .within_us = no_limit,
                                                   .until_us = no_limit};
    policy->rule.early = (EarlyRule){.points = nothing, .percent = nothing, .tokens = nothing, .cap_milli = no_limit};
    for (int kind = OWNER_PERSON; kind <= OWNER_TEAM; kind++) {
        policy->rule.uncovered[kind] = (UncoveredRule){.kind = UNCOVERED_HOLD};
        policy->rule.bank[kind] = (guint)kind;
        policy->banks[kind] = (Bank){.owner = (OwnerKind)kind, .most_milli = no_limit, .expires_us = no_limit};
    }
    policy->n_banks = 2;
    policy->is_incremental = true;
    policy->joined_hold = -1;
    policy->weekend = 1U << G_DATE_SATURDAY | 1U << G_DATE_SUNDAY;
    policy->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    policy->assignments = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    policy->period_rules = g_ptr_array_new_with_free_func(g_free);
    return policy;
}

const Rule *policy_rule(const Policy *policy, const Assignment *assignment)
{
    const Rule *rule = g_hash_table_lookup(policy->assignments, assignment->id);
    if (!rule && assignment->whole)
        return policy_rule(policy, assignment->whole);
    if (!rule && assignment->kind)
        rule = g_hash_table_lookup(policy->kinds, assignment->kind);
    return rule ? rule : &policy->rule;
}

const Rule *policy_rule_at(const Policy *policy, const Assignment *assignment, gint64 received_us)
{
    const Rule *rule = policy_rule(policy, assignment);
    for (guint i = 0; i < rule->n_periods; i++) {
        const Period *period = &rule->periods[i];
        gint64 at_us = period->is_by_deadline ? assignment->deadline_us : received_us;
        if (at_us >= period->from_us && at_us < period->until_us)
            return period->rule;
    }
    return rule;
}

static guint groups_of(const Rule *rule)
{
    guint groups = 1U << rule->group.kind;
    for (guint i = 0; i < rule->n_periods; i++)
        groups |= 1U << rule->periods[i].rule->group.kind;
    return groups;
}

guint policy_groups(const Policy *policy, const Assignment *assignment)
{
    if (assignment->owner_kind != OWNER_TEAM)
        return 0;
    guint groups = groups_of(policy_rule(policy, assignment));
    for (guint i = 0; assignment->parts && i < assignment->parts->len; i++)
        groups |= groups_of(policy_rule(policy, g_ptr_array_index(assignment->parts, i)));
    return groups;
}

static bool scalar_is(const YamlNode *node, const char *text)
{
    return yaml_kind(node) == YAML_SCALAR && strcmp(yaml_scalar(node), text) == 0;
}

gint64 policy_max_debt(const Policy *policy)
{
    gint64 most_milli = 0;
    for (guint i = 0; i < policy->n_banks; i++)
        most_milli = MAX(most_milli, policy->banks[i].debt_milli);
    return most_milli;
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

static const Rule *base_of_part(const Policy *policy, const Course *course, const YamlNode *key,
                                Diagnostics *diagnostics)
{
    const Assignment *part = course_due(course, yaml_scalar(key));
    if (part && part->whole)
        return policy_rule(policy, part);
    yaml_report(key, diagnostics, SEVERITY_ERROR,
                "no assignment has the part \"%s\"; write the assignment, a \"/\" and its part", yaml_scalar(key));
    return NULL;
}

/* Each entry starts from the rule that would hold without it and changes what it names. */
static void read_overrides(YamlReader *reader, const char *key, Policy *policy, const Course *course,
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
        policy_read_rule(&entry, policy, course->zone, &rule);
        yaml_reader_end(&entry);
        g_hash_table_insert(overrides, g_strdup(yaml_scalar(name)), g_memdup2(&rule, sizeof rule));
    }
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static void read_adds(YamlReader *outer, GTimeZone *zone, Bank *bank)
{
    const YamlNode *list = yaml_read_sequence(outer, "adds", YAML_OPTIONAL);
    for (gsize i = 0; list && i < yaml_length(list); i++) {
        YamlReader reader;
        yaml_reader_start(&reader, yaml_item(list, i), "adds", outer->diagnostics);
        Add add = {.at_us = yaml_read_time_us(&reader, "at", YAML_REQUIRED, zone, 0),
                   .amount_milli = yaml_read_milli(&reader, "tokens", YAML_REQUIRED, 0)};
        yaml_reader_end(&reader);
        if (bank->n_adds < MAX_ADDS)
            bank->adds[bank->n_adds++] = add;
        else
            yaml_report(yaml_item(list, i), outer->diagnostics, SEVERITY_ERROR, "adds: at most %d of them", MAX_ADDS);
    }
}

static void set_bank_name(const YamlNode *key, Bank *bank, Diagnostics *diagnostics)
{
    const char *name = yaml_scalar(key);
    for (const char *at = name; *at; at++) {
        if (!g_ascii_islower(*at) && !g_ascii_isdigit(*at) && *at != '-' && *at != '_') {
            yaml_report(key, diagnostics, SEVERITY_ERROR,
                        "the name of a bank has lower-case letters, digits, '-' and '_' only");
            return;
        }
    }
    if (g_strlcpy(bank->name, name, sizeof bank->name) >= sizeof bank->name)
        yaml_report(key, diagnostics, SEVERITY_ERROR, "the name of a bank has at most 39 letters");
}

/* `person` and `team` are the usual ones; any other name is a currency of its own, with an owner. */
static void read_bank(const YamlNode *key, const YamlNode *node, GTimeZone *zone, Policy *policy,
                      Diagnostics *diagnostics)
{
    static const char *const owner_names[] = {"person", "team", NULL};
    YamlReader reader;
    yaml_reader_start(&reader, node, "bank", diagnostics);
    Bank *bank;
    if (scalar_is(key, "person") || scalar_is(key, "team")) {
        bank = &policy->banks[scalar_is(key, "team") ? OWNER_TEAM : OWNER_PERSON];
    } else if (policy->n_banks == MAX_BANKS) {
        yaml_report(key, diagnostics, SEVERITY_ERROR, "banks: at most %d of them", MAX_BANKS);
        bank = &policy->banks[MAX_BANKS - 1];
    } else {
        bank = &policy->banks[policy->n_banks++];
        *bank = (Bank){.most_milli = no_limit, .expires_us = no_limit};
        set_bank_name(key, bank, diagnostics);
        if (yaml_kind(node) == YAML_MAPPING && !yaml_get(node, "owner"))
            yaml_report(key, diagnostics, SEVERITY_ERROR,
                        "\"%s\" is neither person nor team; a bank with a name of its own says whose it is: owner: "
                        "person, or owner: team",
                        yaml_scalar(key));
        bank->owner = (OwnerKind)yaml_read_choice(&reader, "owner", YAML_OPTIONAL, owner_names, OWNER_PERSON);
    }
    bank->pool_milli = yaml_read_milli(&reader, "pool", YAML_REQUIRED, 0);
    bank->debt_milli = yaml_read_milli(&reader, "debt", YAML_OPTIONAL, 0);
    bank->most_milli = yaml_read_milli(&reader, "most", YAML_OPTIONAL, no_limit);
    if (bank->pool_milli > bank->most_milli)
        yaml_report(yaml_get(node, "most"), diagnostics, SEVERITY_ERROR, "most: the pool alone is more than that");
    bank->expires_us = yaml_read_time_us(&reader, "expires", YAML_OPTIONAL, zone, no_limit);
    bank->is_giftable = yaml_read_bool(&reader, "gifts", false);
    read_adds(&reader, zone, bank);
    yaml_reader_end(&reader);
}

static void read_banks(YamlReader *reader, GTimeZone *zone, Policy *policy)
{
    const YamlNode *banks = yaml_read_mapping(reader, "banks", YAML_OPTIONAL);
    for (gsize i = 0; banks && i < yaml_length(banks); i++)
        read_bank(yaml_key(banks, i), yaml_value(banks, i), zone, policy, reader->diagnostics);
}

static void add_holiday(Policy *policy, const YamlNode *node, Diagnostics *diagnostics)
{
    int year, month, day, end = 0;
    const char *text = yaml_kind(node) == YAML_SCALAR ? yaml_scalar(node) : "";
    GDate date;
    g_date_clear(&date, 1);
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && text[end] == '\0' && year > 1900 &&
        month > 0 && day > 0 && g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    if (!g_date_valid(&date))
        yaml_report(node, diagnostics, SEVERITY_ERROR, "holidays: expected a day like 2022-11-24");
    else if (policy->n_holidays == MAX_HOLIDAYS)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "holidays: at most %d of them", MAX_HOLIDAYS);
    else
        policy->holidays[policy->n_holidays++] = g_date_get_julian(&date);
}

static void read_calendar(YamlReader *reader, Policy *policy)
{
    static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
    const YamlNode *holidays = yaml_read_sequence(reader, "holidays", YAML_OPTIONAL);
    for (gsize i = 0; holidays && i < yaml_length(holidays); i++)
        add_holiday(policy, yaml_item(holidays, i), reader->diagnostics);
    static const char *const days_off[] = {"none", "one", NULL};
    policy->days_off_count_one = yaml_read_choice(reader, "days_off", YAML_OPTIONAL, days_off, 0) == 1;
    const YamlNode *weekend = yaml_read_sequence(reader, "weekend", YAML_OPTIONAL);
    if (weekend)
        policy->weekend = 0;
    for (gsize i = 0; weekend && i < yaml_length(weekend); i++) {
        const YamlNode *node = yaml_item(weekend, i);
        guint day = 0;
        while (day_names[day] && !scalar_is(node, day_names[day]))
            day++;
        if (day_names[day])
            policy->weekend |= 1U << (G_DATE_MONDAY + day);
        else
            yaml_report(node, reader->diagnostics, SEVERITY_ERROR,
                        "weekend: expected mon, tue, wed, thu, fri, sat or sun");
    }
    const guint whole_week = 0xfe;
    if (policy->weekend == whole_week)
        yaml_report(weekend, reader->diagnostics, SEVERITY_ERROR, "weekend: at least one day must be left to work on");
}

static bool find_bank(const Policy *policy, const char *name, Purchasable *buys)
{
    for (guint i = 0; i < policy->n_banks; i++) {
        if (strcmp(policy->banks[i].name, name) == 0 && *name) {
            buys->bank[policy->banks[i].owner] = i;
            return true;
        }
    }
    return false;
}

/* `purchases: {excuse: {price: 3, max_times: 1, excuses: yes}}` */
static void read_purchases(YamlReader *outer, GTimeZone *zone, Policy *policy)
{
    const gint64 max_count = 1000000;
    const YamlNode *mapping = yaml_read_mapping(outer, "purchases", YAML_OPTIONAL);
    for (gsize i = 0; mapping && i < yaml_length(mapping); i++) {
        const YamlNode *key = yaml_key(mapping, i);
        if (policy->n_purchasables == MAX_PURCHASABLES) {
            yaml_report(key, outer->diagnostics, SEVERITY_ERROR, "purchases: at most %d of them", MAX_PURCHASABLES);
            return;
        }
        Purchasable *buys = &policy->purchasables[policy->n_purchasables++];
        YamlReader reader;
        yaml_reader_start(&reader, yaml_value(mapping, i), "purchase", outer->diagnostics);
        if (g_strlcpy(buys->name, yaml_scalar(key), sizeof buys->name) >= sizeof buys->name)
            yaml_report(key, outer->diagnostics, SEVERITY_ERROR, "the name of a purchase has at most 39 bytes");
        buys->bank[OWNER_TEAM] = OWNER_TEAM;
        buys->price_milli = yaml_read_milli(&reader, "price", YAML_REQUIRED, 0);
        buys->max_times = yaml_read_integer(&reader, "max_times", YAML_OPTIONAL, no_limit, 1, max_count);
        buys->until_us = yaml_read_time_us(&reader, "until", YAML_OPTIONAL, zone, no_limit);
        buys->excuses = yaml_read_bool(&reader, "excuses", false);
        const char *bank = yaml_read_text(&reader, "bank", YAML_OPTIONAL, NULL);
        if (bank && !find_bank(policy, bank, buys))
            yaml_report(yaml_get(reader.mapping, "bank"), outer->diagnostics, SEVERITY_ERROR,
                        "there is no bank \"%s\" below banks:", bank);
        yaml_reader_end(&reader);
    }
}

bool policy_purchase_price(const Policy *policy, const char *name, gint64 *ret_price_milli)
{
    for (guint i = 0; i < policy->n_purchasables; i++) {
        if (strcmp(policy->purchasables[i].name, name) == 0) {
            *ret_price_milli = policy->purchasables[i].price_milli;
            return true;
        }
    }
    return false;
}

static void read_joined(YamlReader *outer, Policy *policy)
{
    const YamlNode *node = yaml_read_node(outer, "joined_late", YAML_OPTIONAL);
    if (!node || scalar_is(node, "hold"))
        return;
    if (yaml_kind(node) != YAML_MAPPING) {
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "joined_late: expected hold, or {extend: 7d}: the time after joining");
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "joined_late", outer->diagnostics);
    policy->joined_hold = yaml_read_span_us(&reader, "extend", YAML_REQUIRED, 0);
    yaml_reader_end(&reader);
}

static void read_readings(YamlReader *reader, Policy *policy)
{
    static const char *const allocations[] = {"receipt", "best_at_end", "in_order", NULL};
    static const char *const no_benefit[] = {"free", "charge", NULL};
    static const char *const withdrawn[] = {"refund", "charge", NULL};
    policy->day_count =
        (DayCount)yaml_read_choice(reader, "day_count", YAML_OPTIONAL, day_count_names, DAYS_FRIENDLIER);
    policy->replace_on_time =
        (ReplaceOnTime)yaml_read_choice(reader, "replace_on_time", YAML_OPTIONAL, replace_names, REPLACE_ASK);
    policy->allocation =
        (Allocation)yaml_read_choice(reader, "allocation", YAML_OPTIONAL, allocations, ALLOCATE_BY_RECEIPT);
    policy->is_incremental = yaml_read_bool(reader, "incremental", true);
    policy->charges_for_nothing = yaml_read_choice(reader, "no_benefit", YAML_OPTIONAL, no_benefit, 0) == 1;
    policy->withdrawn_stays_paid = yaml_read_choice(reader, "withdrawn", YAML_OPTIONAL, withdrawn, 0) == 1;
}

/* Handing out at the end looks at one account after the other: members that pay together are not for it. */
static void check_allocation(const Course *course, const Policy *policy, const YamlNode *node, Diagnostics *diagnostics)
{
    for (guint i = 0; policy->allocation != ALLOCATE_BY_RECEIPT && i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if ((policy_groups(policy, assignment) & ~(1U << GROUP_ACCOUNT)) != 0) {
            yaml_report(yaml_get(node, "allocation"), diagnostics, SEVERITY_ERROR,
                        "allocation: only receipt goes with members who pay for their team (\"%s\")", assignment->id);
            return;
        }
    }
}

/* What counts over the term follows the order of receipt; what a gain is added to is decided before, and the team's. */
static void check_rule(const Assignment *assignment, const Policy *policy, const Rule *rule, const YamlNode *node,
                       Diagnostics *diagnostics)
{
    const LateRule *late = &rule->late;
    bool counts_term = late->unit == UNIT_NTH || late->max_units_term != no_limit || late->max_assignments != no_limit;
    bool is_alone = assignment->owner_kind == OWNER_TEAM && rule->group.kind == GROUP_EACH_MEMBER;
    if (policy->allocation != ALLOCATE_BY_RECEIPT && late->is_allowed && (counts_term || rule->counts == COUNTS_GAIN))
        yaml_report(yaml_get(node, "allocation"), diagnostics, SEVERITY_ERROR,
                    "allocation: only receipt goes with unit: nth, max_units_term, max_assignments and counts: gain "
                    "(\"%s\")",
                    assignment->id);
    if (rule->counts == COUNTS_GAIN && is_alone)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "counts: gain does not go with group: each_member (\"%s\")",
                    assignment->id);
}

static void check_rules(const Course *course, const Policy *policy, const YamlNode *node, Diagnostics *diagnostics)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        const Rule *rule = policy_rule(policy, assignment);
        check_rule(assignment, policy, rule, node, diagnostics);
        for (guint j = 0; j < rule->n_periods; j++)
            check_rule(assignment, policy, rule->periods[j].rule, node, diagnostics);
        for (guint j = 0; assignment->parts && j < assignment->parts->len; j++) {
            const Assignment *part = g_ptr_array_index(assignment->parts, j);
            check_rule(part, policy, policy_rule(policy, part), node, diagnostics);
        }
    }
}

/* Who pays alone has a share of one decision, not of several. */
static void check_parts(const Course *course, const Policy *policy, const YamlNode *node, Diagnostics *diagnostics)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->parts && (policy_groups(policy, assignment) & (1U << GROUP_EACH_MEMBER)) != 0)
            yaml_report(node, diagnostics, SEVERITY_ERROR,
                        "group: each_member does not go with an assignment that has parts (\"%s\")", assignment->id);
    }
}

static void read_policy(const Course *course, const YamlNode *node, Policy *policy, Diagnostics *diagnostics)
{
    YamlReader reader;
    yaml_reader_start(&reader, node, "tokens", diagnostics);
    read_banks(&reader, course->zone, policy);
    read_readings(&reader, policy);
    read_calendar(&reader, policy);
    read_joined(&reader, policy);
    read_purchases(&reader, course->zone, policy);
    policy_read_rule(&reader, policy, course->zone, &policy->rule);
    /* In this order: an assignment's entry starts from its kind's, a part's from its assignment's. */
    read_overrides(&reader, "kinds", policy, course, base_of_kind, policy->kinds);
    read_overrides(&reader, "assignments", policy, course, base_of_assignment, policy->assignments);
    read_overrides(&reader, "parts", policy, course, base_of_part, policy->assignments);
    check_allocation(course, policy, node, diagnostics);
    check_parts(course, policy, node, diagnostics);
    check_rules(course, policy, node, diagnostics);
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
