/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one rule: what lateness and resubmissions cost. docs/policy.md says what each key means. */
#include "daemon/tokens/policy.h"

#include <string.h>

static const gint64 no_limit = G_MAXINT64;
static const gint64 all_milli = 100000;  /* 100 % */
static const gint64 max_count = 1000000; /* of units, times: more is a slip of the pen */

static bool scalar_is(const YamlNode *node, const char *text)
{
    return node && yaml_kind(node) == YAML_SCALAR && strcmp(yaml_scalar(node), text) == 0;
}

static gint64 read_count(YamlReader *reader, const char *key, gint64 fallback, gint64 min)
{
    return yaml_read_integer(reader, key, YAML_OPTIONAL, fallback, min, max_count);
}

static gint64 read_percent(YamlReader *reader, const char *key, gint64 fallback)
{
    gint64 milli = yaml_read_milli(reader, key, YAML_OPTIONAL, fallback);
    if (milli == fallback || milli <= all_milli)
        return milli;
    yaml_report(yaml_get(reader->mapping, key), reader->diagnostics, SEVERITY_ERROR, "%s is at most 100", key);
    return fallback;
}

/* Thousandths of one scalar in a list. */
static bool read_list_number(const YamlNode *node, gint64 *ret_milli, Diagnostics *diagnostics)
{
    if (points_parse(yaml_kind(node) == YAML_SCALAR ? yaml_scalar(node) : "", ret_milli))
        return true;
    yaml_report(node, diagnostics, SEVERITY_ERROR, "expected a number from 0 to 1000000 with at most 3 decimals");
    return false;
}

/* [{units: 24, each: 0.5}, {each: 1}]: the last one has no `units` when it goes on for ever. */
static void read_steps(const YamlNode *node, const char *key, Scale *scale, Diagnostics *diagnostics)
{
    for (gsize i = 0; i < yaml_length(node); i++) {
        YamlReader reader;
        bool is_last = i + 1 == yaml_length(node);
        yaml_reader_start(&reader, yaml_item(node, i), key, diagnostics);
        scale->step_units[i] =
            yaml_read_integer(&reader, "units", is_last ? YAML_OPTIONAL : YAML_REQUIRED, no_limit, 1, max_count);
        scale->step_each_milli[i] = yaml_read_milli(&reader, "each", YAML_REQUIRED, 0);
        yaml_reader_end(&reader);
        scale->n_steps++;
    }
}

/* A number: so much a unit. A list: the totals after one unit, two, ..., or steps. */
static void read_scale(YamlReader *reader, const char *key, YamlNeed need, Scale *scale)
{
    const YamlNode *node = yaml_read_node(reader, key, need);
    if (!node)
        return;
    *scale = (Scale){.at_most_milli = no_limit};
    if (yaml_kind(node) != YAML_SEQUENCE) {
        scale->each_milli = yaml_read_milli(reader, key, need, 0);
        return;
    }
    if (yaml_length(node) == 0 || yaml_length(node) > MAX_STEPS) {
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: a list has 1 to %d totals", key, MAX_STEPS);
        return;
    }
    if (yaml_kind(yaml_item(node, 0)) == YAML_MAPPING) {
        read_steps(node, key, scale, reader->diagnostics);
        return;
    }
    for (gsize i = 0; i < yaml_length(node); i++) {
        gint64 milli;
        if (!read_list_number(yaml_item(node, i), &milli, reader->diagnostics))
            return;
        if (i > 0 && milli < scale->totals_milli[i - 1])
            yaml_report(yaml_item(node, i), reader->diagnostics, SEVERITY_ERROR,
                        "%s: totals after one unit, two, ... cannot become smaller", key);
        scale->totals_milli[scale->n_totals++] = milli;
    }
}

static gint64 steps_total(const Scale *scale, gint64 n)
{
    __int128 total = scale->start_milli;
    for (guint i = 0; i < scale->n_steps && n > 0; i++) {
        gint64 part = MIN(n, scale->step_units[i]);
        total += (__int128)part * scale->step_each_milli[i];
        n -= part;
    }
    return (gint64)MIN(total, (__int128)no_limit);
}

gint64 scale_total(const Scale *scale, gint64 n)
{
    if (n <= 0)
        return 0;
    gint64 total;
    if (scale->n_steps > 0)
        total = steps_total(scale, n);
    else if (scale->n_totals > 0)
        total = scale->totals_milli[MIN(n, (gint64)scale->n_totals) - 1];
    else if (__builtin_mul_overflow(scale->each_milli, n, &total) ||
             __builtin_add_overflow(total, scale->start_milli, &total))
        total = no_limit;
    return MIN(total, scale->at_most_milli);
}

/* ---- late ------------------------------------------------------------------------------------------------------- */

static const char *const unit_names[] = {"started_day", "started_hour", "once",  "calendar_day", "working_day",
                                         "span",        "brackets",     "slots", "nth",          NULL};
static const char *const declare_names[] = {"never", "before_deadline", "any_time", NULL};

static void add_mark(LateRule *rule, const YamlNode *node, gint64 at_us, Diagnostics *diagnostics)
{
    if (rule->n_marks > 0 && at_us <= rule->marks_us[rule->n_marks - 1])
        yaml_report(node, diagnostics, SEVERITY_ERROR, "must be later than the one before it");
    else if (rule->n_marks == MAX_STEPS)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "at most %d of them", MAX_STEPS);
    else
        rule->marks_us[rule->n_marks++] = at_us;
}

/* Each member is read as if it stood below a key of its own, so that messages are the same. */
static void read_marks(YamlReader *outer, const char *key, GTimeZone *zone, LateRule *rule)
{
    const YamlNode *list = yaml_read_sequence(outer, key, YAML_REQUIRED);
    bool is_span = strcmp(key, "brackets") == 0;
    for (gsize i = 0; list && i < yaml_length(list); i++) {
        const YamlNode *node = yaml_item(list, i);
        gint64 at_us = 0;
        g_autoptr(GError) error = NULL;
        if (yaml_kind(node) != YAML_SCALAR) {
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "%s: expected a list of %s", key,
                        is_span ? "spans like 2h" : "times");
            continue;
        }
        if (is_span) {
            g_autofree char *text = g_strdup_printf("x: %s\n", yaml_scalar(node));
            g_autoptr(Diagnostics) inner = diagnostics_new();
            g_autoptr(YamlDocument) document = yaml_parse(key, text, strlen(text), inner);
            YamlReader reader;
            yaml_reader_start(&reader, document ? yaml_root(document) : node, key, inner);
            at_us = yaml_read_span_us(&reader, "x", YAML_REQUIRED, 0);
            yaml_reader_end(&reader);
            if (at_us <= 0)
                yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "%s: expected a span like 30min, 2h or 1d", key);
            else
                add_mark(rule, node, at_us, outer->diagnostics);
        } else if (!clock_parse(yaml_scalar(node), zone, &at_us, &error)) {
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "%s: %s", key, error->message);
        } else {
            add_mark(rule, node, at_us, outer->diagnostics);
        }
    }
}

static void read_unit(YamlReader *reader, GTimeZone *zone, LateRule *rule)
{
    rule->n_marks = 0;
    rule->unit = (LateUnit)yaml_read_choice(reader, "unit", YAML_OPTIONAL, unit_names, UNIT_STARTED_DAY);
    if (rule->unit == UNIT_SPAN)
        rule->every_us = MAX(1, yaml_read_span_us(reader, "every", YAML_REQUIRED, CLOCK_DAY_US));
    else if (rule->unit == UNIT_BRACKET)
        read_marks(reader, "brackets", zone, rule);
    else if (rule->unit == UNIT_SLOT)
        read_marks(reader, "slots", zone, rule);
}

static void add_flat(const YamlNode *node, LateRule *rule, Diagnostics *diagnostics)
{
    if (rule->n_flats == MAX_FLATS) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "flat: at most %d of them", MAX_FLATS);
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "flat", diagnostics);
    FlatRoute *flat = &rule->flats[rule->n_flats++];
    flat->price_milli = yaml_read_milli(&reader, "price", YAML_REQUIRED, 0);
    flat->taken_milli = read_percent(&reader, "percent", 0);
    flat->up_to_units = read_count(&reader, "up_to", no_limit, 1);
    flat->needs_first = yaml_read_bool(&reader, "needs_first", false);
    yaml_reader_end(&reader);
}

/* A price, one way as a mapping, or a list of such ways. */
static void read_flat(YamlReader *outer, LateRule *rule)
{
    const YamlNode *node = yaml_read_node(outer, "flat", YAML_OPTIONAL);
    rule->n_flats = 0;
    if (!node || scalar_is(node, "none"))
        return;
    if (yaml_kind(node) == YAML_SEQUENCE) {
        for (gsize i = 0; i < yaml_length(node); i++)
            add_flat(yaml_item(node, i), rule, outer->diagnostics);
    } else if (yaml_kind(node) == YAML_MAPPING) {
        add_flat(node, rule, outer->diagnostics);
    } else {
        FlatRoute flat = {.price_milli = yaml_read_milli(outer, "flat", YAML_OPTIONAL, 0), .up_to_units = no_limit};
        rule->flats[0] = flat;
        rule->n_flats = flat.price_milli > 0;
    }
}

/* Days of the calendar and listed dates have days off, or have them not, by themselves. */
static void read_days_off(YamlReader *reader, LateRule *rule)
{
    bool is_of_the_calendar =
        rule->unit == UNIT_CALENDAR_DAY || rule->unit == UNIT_WORKING_DAY || rule->unit == UNIT_SLOT;
    rule->skips_days_off = yaml_read_bool(reader, "skip_days_off", false);
    if (rule->skips_days_off && is_of_the_calendar)
        yaml_report(yaml_get(reader->mapping, "skip_days_off"), reader->diagnostics, SEVERITY_ERROR,
                    "skip_days_off goes with spans of time, not with calendar_day, working_day or slots");
}

static void parse_late(const YamlNode *node, Policy *policy, GTimeZone *zone, LateRule *rule, Diagnostics *diagnostics)
{
    if (scalar_is(node, "none")) {
        rule->is_allowed = false;
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "late", diagnostics);
    rule->is_allowed = true;
    read_unit(&reader, zone, rule);
    read_scale(&reader, "price", YAML_REQUIRED, &rule->price);
    read_flat(&reader, rule);
    rule->each_milli = read_percent(&reader, "percent_each", 0);
    rule->grace_us = yaml_read_span_us(&reader, "grace", YAML_OPTIONAL, 0);
    rule->grace_moves = yaml_read_bool(&reader, "grace_moves", false);
    read_days_off(&reader, rule);
    rule->within_us = yaml_read_span_us(&reader, "within", YAML_OPTIONAL, no_limit);
    rule->scope = ++policy->n_scopes;
    rule->max_units_term = read_count(&reader, "max_units_term", no_limit, 0);
    rule->max_assignments = read_count(&reader, "max_assignments", no_limit, 0);
    rule->max_units = read_count(&reader, "max_units", no_limit, 0);
    rule->hold_after = read_count(&reader, "hold_after", no_limit, 0);
    rule->stop_after = read_count(&reader, "stop_after", no_limit, 0);
    rule->is_partial = yaml_read_bool(&reader, "partial", true);
    rule->declare = (Declare)yaml_read_choice(&reader, "declare", YAML_OPTIONAL, declare_names, DECLARE_NEVER);
    rule->declare_by_us = yaml_read_span_us(&reader, "declare_by", YAML_OPTIONAL, 0);
    rule->needs_first = yaml_read_bool(&reader, "needs_first", false);
    if (rule->price.n_totals > 0)
        rule->max_units = MIN(rule->max_units, (gint64)rule->price.n_totals);
    yaml_reader_end(&reader);
}

/* ---- resubmissions ---------------------------------------------------------------------------------------------- */

/* At most so many resubmissions until each of some instants. */
static void read_rounds(YamlReader *reader, GTimeZone *zone, ResubmissionRule *rule)
{
    const YamlNode *list = yaml_read_sequence(reader, "rounds", YAML_OPTIONAL);
    rule->n_rounds = 0;
    rule->max_a_round = read_count(reader, "max_a_round", no_limit, 1);
    for (gsize i = 0; list && i < yaml_length(list) && i < MAX_STEPS; i++) {
        const YamlNode *node = yaml_item(list, i);
        g_autoptr(GError) error = NULL;
        gint64 at_us = 0;
        if (yaml_kind(node) != YAML_SCALAR || !clock_parse(yaml_scalar(node), zone, &at_us, &error))
            yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "rounds: expected a time like \"2022-10-07 23:59\"");
        else if (rule->n_rounds > 0 && at_us <= rule->rounds_us[rule->n_rounds - 1])
            yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "rounds: must be later than the one before it");
        else
            rule->rounds_us[rule->n_rounds++] = at_us;
    }
    if (list && yaml_length(list) > MAX_STEPS)
        yaml_report(list, reader->diagnostics, SEVERITY_ERROR, "rounds: at most %d of them", MAX_STEPS);
}

/* `by_result: [{below: 50, price: 2}, {below: 80, price: 1}]` */
static void read_by_result(YamlReader *outer, ResubmissionRule *rule)
{
    const YamlNode *list = yaml_read_sequence(outer, "by_result", YAML_OPTIONAL);
    rule->n_by_result = 0;
    for (gsize i = 0; list && i < yaml_length(list); i++) {
        const YamlNode *node = yaml_item(list, i);
        YamlReader reader;
        yaml_reader_start(&reader, node, "by_result", outer->diagnostics);
        gint64 price_milli = yaml_read_milli(&reader, "price", YAML_REQUIRED, 0);
        gint64 below_milli = yaml_read_milli(&reader, "below", YAML_REQUIRED, 0);
        yaml_reader_end(&reader);
        if (rule->n_by_result == MAX_BY_RESULT)
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "by_result: at most %d of them", MAX_BY_RESULT);
        else if (below_milli > all_milli)
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "below is at most 100");
        else if (i > 0 && rule->n_by_result > 0 && below_milli <= rule->by_result[rule->n_by_result - 1].below_milli)
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                        "by_result goes from the lowest result to the highest");
        else
            rule->by_result[rule->n_by_result++] = (PriceBelow){below_milli, price_milli};
    }
}

static void read_redo_rule(YamlReader *reader, ResubmissionRule *rule)
{
    static const char *const names[] = {"replace", "best", "gain", NULL};
    rule->rule = (RedoRule)yaml_read_choice(reader, "rule", YAML_OPTIONAL, names, REDO_REPLACES);
    rule->share_milli = read_percent(reader, "share", all_milli);
    rule->cap_milli = read_percent(reader, "cap", no_limit);
    rule->below_milli = read_percent(reader, "below", no_limit);
    rule->above_milli = read_percent(reader, "above", 0);
    rule->refund_milli = read_percent(reader, "refund_at", no_limit);
    rule->first_on_time = yaml_read_bool(reader, "first_on_time", false);
    rule->keeps_penalty = yaml_read_bool(reader, "keeps_penalty", false);
}

static void parse_resubmission(const YamlNode *node, GTimeZone *zone, ResubmissionRule *rule, Diagnostics *diagnostics)
{
    static const char *const after_names[] = {"release", "deadline", NULL};
    if (scalar_is(node, "none")) {
        rule->is_allowed = false;
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, node, "resubmission", diagnostics);
    rule->is_allowed = true;
    read_scale(&reader, "price", YAML_REQUIRED, &rule->price);
    read_by_result(&reader, rule);
    rule->after_deadline = yaml_read_choice(&reader, "after", YAML_OPTIONAL, after_names, 0) == 1;
    rule->max_times = read_count(&reader, "max_times", no_limit, 1);
    rule->max_times_term = read_count(&reader, "max_times_term", no_limit, 1);
    rule->asks = yaml_read_bool(&reader, "ask", true);
    rule->within_us = yaml_read_span_us(&reader, "within", YAML_OPTIONAL, no_limit);
    rule->until_us = yaml_read_time_us(&reader, "until", YAML_OPTIONAL, zone, no_limit);
    const char *needs = yaml_read_text(&reader, "needs", YAML_OPTIONAL, "");
    if (g_strlcpy(rule->needs, needs, sizeof rule->needs) >= sizeof rule->needs)
        yaml_report(yaml_get(node, "needs"), diagnostics, SEVERITY_ERROR, "needs: at most 39 bytes");
    read_redo_rule(&reader, rule);
    read_rounds(&reader, zone, rule);
    yaml_reader_end(&reader);
}

/* ---- early ------------------------------------------------------------------------------------------------------ */

static void parse_early(const YamlNode *node, EarlyRule *rule, Diagnostics *diagnostics)
{
    const Scale nothing = {.at_most_milli = no_limit};
    *rule = (EarlyRule){.is_given = !scalar_is(node, "none"), .points = nothing, .percent = nothing, .tokens = nothing};
    if (!rule->is_given)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "early", diagnostics);
    rule->by_us = yaml_read_span_us(&reader, "by", YAML_OPTIONAL, 0);
    rule->times = read_count(&reader, "times", 1, 1);
    rule->skips_days_off = yaml_read_bool(&reader, "skip_days_off", false);
    read_scale(&reader, "points", YAML_OPTIONAL, &rule->points);
    read_scale(&reader, "percent", YAML_OPTIONAL, &rule->percent);
    read_scale(&reader, "tokens", YAML_OPTIONAL, &rule->tokens);
    if (rule->percent.n_totals == 0 && rule->percent.n_steps == 0 && rule->percent.each_milli > all_milli)
        yaml_report(yaml_get(node, "percent"), diagnostics, SEVERITY_ERROR, "percent is at most 100");
    rule->at_least_milli = read_percent(&reader, "at_least", 0);
    rule->cap_milli = read_percent(&reader, "cap", no_limit);
    yaml_reader_end(&reader);
}

/* ---- without tokens --------------------------------------------------------------------------------------------- */

static void check_percents(const YamlNode *node, const UncoveredRule *rule, Diagnostics *diagnostics)
{
    if (rule->base == OF_POINTS)
        return;
    gint64 most_milli = rule->scale.each_milli;
    for (guint i = 0; i < rule->scale.n_totals; i++)
        most_milli = MAX(most_milli, rule->scale.totals_milli[i]);
    for (guint i = 0; i < rule->scale.n_steps; i++)
        most_milli = MAX(most_milli, rule->scale.step_each_milli[i]);
    if (most_milli > all_milli)
        yaml_report(yaml_get(node, "percent") ? yaml_get(node, "percent") : node, diagnostics, SEVERITY_ERROR,
                    "percent is at most 100");
}

/* The key that is there tells the kind: percent, points, cap or keep. */
static void read_scores(YamlReader *reader, UncoveredRule *rule)
{
    static const char *const of_names[] = {"earned", "maximum", "course", NULL};
    static const PenaltyBase bases[] = {OF_EARNED, OF_MAXIMUM, OF_COURSE};
    const YamlNode *mapping = reader->mapping;
    rule->scale.at_most_milli = no_limit;
    if (yaml_get(mapping, "points")) {
        rule->base = OF_POINTS;
        read_scale(reader, "points", YAML_REQUIRED, &rule->scale);
    } else if (yaml_get(mapping, "cap")) {
        rule->base = OF_CAP;
        read_scale(reader, "less", YAML_OPTIONAL, &rule->scale);
        gint64 cap_milli = read_percent(reader, "cap", all_milli);
        rule->scale.start_milli = all_milli - cap_milli;
        for (guint i = 0; i < rule->scale.n_totals; i++)
            rule->scale.totals_milli[i] += all_milli - cap_milli;
    } else if (yaml_get(mapping, "keep")) {
        rule->base = OF_KEPT;
        read_scale(reader, "keep", YAML_REQUIRED, &rule->scale);
    } else {
        read_scale(reader, "percent", YAML_REQUIRED, &rule->scale);
        rule->base = bases[yaml_read_choice(reader, "of", YAML_OPTIONAL, of_names, 0)];
    }
    rule->scale.start_milli += yaml_read_milli(reader, "start", YAML_OPTIONAL, 0);
    rule->scale.at_most_milli = yaml_read_milli(reader, "at_most", YAML_OPTIONAL, no_limit);
    rule->floor_milli = read_percent(reader, "floor", 0);
    rule->is_prorated = yaml_read_bool(reader, "prorated", false);
    check_percents(mapping, rule, reader->diagnostics);
}

static void parse_uncovered(const YamlNode *node, UncoveredRule *rule, Diagnostics *diagnostics)
{
    *rule = (UncoveredRule){.kind = UNCOVERED_HOLD};
    if (yaml_kind(node) == YAML_MAPPING) {
        YamlReader reader;
        yaml_reader_start(&reader, node, "without_tokens", diagnostics);
        rule->kind = UNCOVERED_SCORE;
        read_scores(&reader, rule);
        yaml_reader_end(&reader);
    } else if (scalar_is(node, "feedback")) {
        rule->kind = UNCOVERED_FEEDBACK;
    } else if (scalar_is(node, "refused")) {
        rule->kind = UNCOVERED_REFUSED;
    } else if (!scalar_is(node, "hold")) {
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "expected {percent: N}, {points: N}, {cap: N, less: N}, {keep: N}, feedback, refused or hold: what "
                    "late work is worth that no token covers");
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
        const YamlNode *part = yaml_read_node(&reader, owner_kind_name((OwnerKind)kind), YAML_OPTIONAL);
        if (part)
            parse_uncovered(part, &rule->uncovered[kind], diagnostics);
    }
    yaml_reader_end(&reader);
}

/* ---- the rule --------------------------------------------------------------------------------------------------- */

static void read_bank(YamlReader *reader, const Policy *policy, Rule *rule)
{
    const char *name = yaml_read_text(reader, "bank", YAML_OPTIONAL, NULL);
    if (!name)
        return;
    const char *names[MAX_BANKS + 1] = {NULL};
    for (guint i = 0; i < policy->n_banks; i++) {
        const Bank *bank = &policy->banks[i];
        names[i] = bank->name;
        if (strcmp(bank->name, name) == 0) {
            rule->bank[bank->owner] = i;
            return;
        }
    }
    const char *nearest = text_nearest(name, names);
    yaml_report(yaml_get(reader->mapping, "bank"), reader->diagnostics, SEVERITY_ERROR,
                "there is no bank \"%s\" below banks:%s%s%s", name, nearest && *nearest ? "; did you mean \"" : "",
                nearest && *nearest ? nearest : "", nearest && *nearest ? "\"?" : "");
}

/* In proportion between two units: only of units that are all equally long. */
static void check_prorated(const YamlNode *node, const Rule *rule, Diagnostics *diagnostics)
{
    bool is_prorated = rule->uncovered[OWNER_PERSON].is_prorated || rule->uncovered[OWNER_TEAM].is_prorated;
    if (is_prorated && !policy_unit_is_even(&rule->late) && node)
        yaml_report(node, diagnostics, SEVERITY_WARNING,
                    "prorated does nothing here: only the units started_day, started_hour and span are equally long");
}

/* One of the usual ways, or of whom there must be enough and who gives. */
static void read_group(YamlReader *outer, Rule *rule)
{
    static const char *const names[] = {"account", "all_members", "any_member", "shared", "each_member", NULL};
    static const GroupRule rules[] = {{.kind = GROUP_ACCOUNT},
                                      {GROUP_MEMBERS, ENOUGH_ALL, PAYS_EACH},
                                      {GROUP_MEMBERS, ENOUGH_ANY, PAYS_ONE},
                                      {GROUP_MEMBERS, ENOUGH_TOGETHER, PAYS_TOGETHER},
                                      {.kind = GROUP_EACH_MEMBER}};
    static const char *const enough[] = {"all", "any", "together", NULL};
    static const char *const pays[] = {"each", "one", "together", NULL};
    const YamlNode *node = yaml_read_node(outer, "group", YAML_OPTIONAL);
    if (node && yaml_kind(node) == YAML_MAPPING) {
        YamlReader reader;
        yaml_reader_start(&reader, node, "group", outer->diagnostics);
        rule->group = (GroupRule){.kind = GROUP_MEMBERS,
                                  .enough = (Enough)yaml_read_choice(&reader, "enough", YAML_REQUIRED, enough, 0),
                                  .pays = (Pays)yaml_read_choice(&reader, "pays", YAML_REQUIRED, pays, 0)};
        yaml_reader_end(&reader);
        if (rule->group.enough == ENOUGH_TOGETHER && rule->group.pays == PAYS_ONE)
            yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                        "group: one cannot pay what they have together only; pays: together or each");
    } else if (node) {
        rule->group = rules[yaml_read_choice(outer, "group", YAML_OPTIONAL, names, 0)];
    }
}

/* All but `periods`, which a period has none of. */
static void read_own_keys(YamlReader *reader, Policy *policy, GTimeZone *zone, Rule *rule)
{
    static const char *const counts_names[] = {"last", "best", "first", "gain", NULL};
    const YamlNode *late = yaml_read_node(reader, "late", YAML_OPTIONAL);
    const YamlNode *resubmission = yaml_read_node(reader, "resubmission", YAML_OPTIONAL);
    const YamlNode *without_tokens = yaml_read_node(reader, "without_tokens", YAML_OPTIONAL);
    if (late)
        parse_late(late, policy, zone, &rule->late, reader->diagnostics);
    if (resubmission)
        parse_resubmission(resubmission, zone, &rule->resubmission, reader->diagnostics);
    const YamlNode *early = yaml_read_node(reader, "early", YAML_OPTIONAL);
    if (without_tokens)
        parse_without_tokens(without_tokens, rule, reader->diagnostics);
    check_prorated(without_tokens ? without_tokens : late, rule, reader->diagnostics);
    if (early)
        parse_early(early, &rule->early, reader->diagnostics);
    rule->counts = (WhichCounts)yaml_read_choice(reader, "counts", YAML_OPTIONAL, counts_names, (int)rule->counts);
    read_group(reader, rule);
    if (scalar_is(yaml_read_node(reader, "cutoff", YAML_OPTIONAL), "none"))
        rule->cutoff_us = no_limit;
    else
        rule->cutoff_us = yaml_read_time_us(reader, "cutoff", YAML_OPTIONAL, zone, rule->cutoff_us);
    read_bank(reader, policy, rule);
}

/* Each starts from the rule below which it stands and changes what it names. */
static void read_periods(YamlReader *outer, Policy *policy, GTimeZone *zone, Rule *rule)
{
    static const char *const by_names[] = {"receipt", "deadline", NULL};
    const YamlNode *list = yaml_read_sequence(outer, "periods", YAML_OPTIONAL);
    rule->n_periods = 0;
    for (gsize i = 0; list && i < yaml_length(list); i++) {
        if (i == MAX_PERIODS) {
            yaml_report(list, outer->diagnostics, SEVERITY_ERROR, "periods: at most %d of them", MAX_PERIODS);
            return;
        }
        Rule own = *rule;
        own.n_periods = 0;
        YamlReader reader;
        yaml_reader_start(&reader, yaml_item(list, i), "periods", outer->diagnostics);
        Period period = {
            .from_us = yaml_read_time_us(&reader, "from", YAML_OPTIONAL, zone, G_MININT64),
            .until_us = yaml_read_time_us(&reader, "until", YAML_OPTIONAL, zone, no_limit),
            .is_by_deadline = yaml_read_choice(&reader, "by", YAML_OPTIONAL, by_names, 0) == 1,
        };
        read_own_keys(&reader, policy, zone, &own);
        yaml_reader_end(&reader);
        period.rule = g_memdup2(&own, sizeof own);
        g_ptr_array_add(policy->period_rules, period.rule);
        rule->periods[i] = period;
        rule->n_periods = (guint)i + 1;
    }
}

void policy_read_rule(YamlReader *reader, Policy *policy, GTimeZone *zone, Rule *rule)
{
    read_own_keys(reader, policy, zone, rule);
    read_periods(reader, policy, zone, rule);
}
