/* SPDX-License-Identifier: Apache-2.0 */
/* How late something is, in the policy's units. */
#include "daemon/tokens/policy.h"

static const gint64 max_units = 1000000;

static gint64 offset_us(GTimeZone *zone, gint64 instant_us)
{
    int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, instant_us / CLOCK_SECOND_US);
    return g_time_zone_get_offset(zone, interval) * CLOCK_SECOND_US;
}

static gint64 started(gint64 span_us, gint64 unit_us)
{
    return CLAMP((span_us + unit_us - 1) / unit_us, 1, max_units);
}

/* A day across the end of summer time has 25 hours: one reading counts blocks of 24 hours, the other what the clock on
 * the wall shows. */
static gint64 started_days(DayCount count, GTimeZone *zone, gint64 deadline_us, gint64 received_us)
{
    gint64 late_us = received_us - deadline_us;
    gint64 elapsed = started(late_us, CLOCK_DAY_US);
    if (count == DAYS_ELAPSED)
        return elapsed;
    gint64 wall = started(late_us + offset_us(zone, received_us) - offset_us(zone, deadline_us), CLOCK_DAY_US);
    return count == DAYS_WALL_CLOCK ? wall : MIN(wall, elapsed);
}

/* Days since 1970-01-01 on the calendar on the wall. */
static gint64 local_day(GTimeZone *zone, gint64 instant_us)
{
    gint64 local_us = instant_us + offset_us(zone, instant_us);
    return local_us >= 0 ? local_us / CLOCK_DAY_US : -((-local_us + CLOCK_DAY_US - 1) / CLOCK_DAY_US);
}

static bool is_working_day(const Policy *policy, gint64 day)
{
    const gint64 julian_of_1970 = 719163, monday = 3; /* 1970-01-01 was a Thursday */
    const gint64 week = 7;
    gint64 weekday = ((day + monday) % week + week) % week + G_DATE_MONDAY;
    if (policy->weekend & (1U << weekday))
        return false;
    for (guint i = 0; i < policy->n_holidays; i++) {
        if ((gint64)policy->holidays[i] == day + julian_of_1970)
            return false;
    }
    return true;
}

/* A deadline in days off is as if at their beginning: else moving it into them could make the same work later. */
static gint64 before_days_off(const Policy *policy, GTimeZone *zone, gint64 deadline_us)
{
    const gint64 most_days_off = 400;
    gint64 day = local_day(zone, deadline_us), first = day;
    while (day - first < most_days_off && !is_working_day(policy, first))
        first--;
    if (first == day)
        return deadline_us;
    gint64 local_us = (first + 1) * CLOCK_DAY_US - 1; /* of the last working day */
    return local_us - offset_us(zone, local_us - offset_us(zone, deadline_us));
}

/* Blocks of a day from the deadline on; one counts if the day on which it ends is a working day. */
static gint64 working_days(const Policy *policy, GTimeZone *zone, gint64 due_us, gint64 received_us)
{
    gint64 deadline_us = before_days_off(policy, zone, due_us);
    gint64 blocks = started_days(policy->day_count, zone, deadline_us, received_us);
    const gint64 max_blocks = 5000;
    gint64 first = local_day(zone, deadline_us), n = 0;
    bool counts_run = policy->days_off_count_one && deadline_us == due_us;
    for (gint64 i = 1; i <= MIN(blocks, max_blocks); i++) {
        bool begins_days_off =
            policy->days_off_count_one && (i == 1 ? counts_run : is_working_day(policy, first + i - 1));
        n += is_working_day(policy, first + i) || begins_days_off;
    }
    return policy->days_off_count_one ? MAX(1, n) : n;
}

/* When a day of the calendar on the wall begins. */
static gint64 day_begins(GTimeZone *zone, gint64 day)
{
    gint64 local_us = day * CLOCK_DAY_US;
    return local_us - offset_us(zone, local_us - offset_us(zone, local_us));
}

/* The time between two instants that is not in days off; of a time beyond all terms, the rest counts whole. */
static gint64 working_us(const Policy *policy, GTimeZone *zone, gint64 from_us, gint64 to_us)
{
    const gint64 max_days = 800;
    gint64 first = local_day(zone, from_us), last = MIN(local_day(zone, to_us), first + max_days);
    gint64 working = MAX(0, to_us - from_us);
    for (gint64 day = first; day <= last && from_us < to_us; day++) {
        if (!is_working_day(policy, day))
            working -= MIN(to_us, day_begins(zone, day + 1)) - MAX(from_us, day_begins(zone, day));
    }
    return working;
}

gint64 policy_late_us(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                      gint64 received_us)
{
    bool leaves_out = rule->skips_days_off && received_us > deadline_us;
    return leaves_out ? working_us(policy, zone, deadline_us, received_us) : received_us - deadline_us;
}

gint64 policy_ahead_us(const Policy *policy, const EarlyRule *rule, GTimeZone *zone, gint64 deadline_us,
                       gint64 received_us)
{
    bool leaves_out = rule->skips_days_off && received_us < deadline_us;
    return leaves_out ? working_us(policy, zone, received_us, deadline_us) : deadline_us - received_us;
}

guint marks_before(const gint64 *marks_us, guint n, gint64 value_us)
{
    guint passed = 0;
    while (passed < n && marks_us[passed] < value_us)
        passed++;
    return passed;
}

static gint64 marks_passed(const LateRule *rule, gint64 value_us)
{
    return marks_before(rule->marks_us, rule->n_marks, value_us);
}

gint64 policy_late_units(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                         gint64 received_us)
{
    gint64 late_us = policy_late_us(policy, rule, zone, deadline_us, received_us);
    if (late_us <= 0 || late_us <= rule->grace_us)
        return 0;
    if (rule->grace_moves) {
        deadline_us += rule->grace_us;
        late_us -= rule->grace_us;
    }
    switch (rule->unit) {
    case UNIT_ONCE:
    case UNIT_NTH:
        return 1;
    case UNIT_STARTED_HOUR:
        return started(late_us, CLOCK_HOUR_US);
    case UNIT_SPAN:
        return started(late_us, rule->every_us);
    case UNIT_CALENDAR_DAY:
        return CLAMP(local_day(zone, received_us) - local_day(zone, deadline_us), 1, max_units);
    case UNIT_WORKING_DAY:
        return working_days(policy, zone, deadline_us, received_us);
    case UNIT_BRACKET:
        return marks_passed(rule, late_us) + 1;
    case UNIT_SLOT:
        return marks_passed(rule, received_us) - marks_passed(rule, deadline_us) + 1;
    default:
        return rule->skips_days_off ? started(late_us, CLOCK_DAY_US)
                                    : started_days(policy->day_count, zone, deadline_us, received_us);
    }
}

bool policy_unit_is_even(const LateRule *rule)
{
    return rule->unit == UNIT_STARTED_DAY || rule->unit == UNIT_STARTED_HOUR || rule->unit == UNIT_SPAN;
}

gint64 policy_unit_us(const LateRule *rule)
{
    switch (rule->unit) {
    case UNIT_STARTED_DAY:
    case UNIT_CALENDAR_DAY:
    case UNIT_WORKING_DAY:
        return CLOCK_DAY_US;
    case UNIT_STARTED_HOUR:
        return CLOCK_HOUR_US;
    case UNIT_SPAN:
        return rule->every_us;
    default:
        return 0;
    }
}
