/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: `tokens:` in YAML, a line "---", then events as "kind assignment submission at_us data" lines. Whatever the
 * policy and the events: the fold ends, also with the events in another order, and no line leaves the account below
 * zero.
 */
#include "daemon/tokens/tokens.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { MAX_EVENTS = 60 };

static char *assignment_ids[] = {(char *)"h1", (char *)"q1", (char *)"talk"};

static Course *make_course(YamlDocument *document)
{
    static const char *const kinds[] = {"homework", "quiz", "milestone"};
    Course *course = g_new0(Course, 1);
    course->zone = g_time_zone_new_identifier("America/New_York");
    if (!course->zone)
        course->zone = g_time_zone_new_utc();
    course->assignments = g_ptr_array_new_with_free_func(g_free);
    course->people = g_ptr_array_new();
    course->teams = g_ptr_array_new();
    course->document = document;
    for (guint i = 0; i < G_N_ELEMENTS(assignment_ids); i++) {
        Assignment *assignment = g_new0(Assignment, 1);
        *assignment = (Assignment){.id = assignment_ids[i],
                                   .kind = (char *)kinds[i],
                                   .deadline_us = (G_GINT64_CONSTANT(1667700000) + i * 86400) * CLOCK_SECOND_US,
                                   .is_extensible = i != 2};
        g_ptr_array_add(course->assignments, assignment);
    }
    return course;
}

static void free_course(Course *course)
{
    g_time_zone_unref(course->zone);
    g_ptr_array_unref(course->assignments);
    g_ptr_array_unref(course->people);
    g_ptr_array_unref(course->teams);
    g_free(course);
}

static GPtrArray *read_events(const char *text)
{
    GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_EVENTS);
    const gint64 max_us = G_GINT64_CONSTANT(4102444800) * CLOCK_SECOND_US; /* the year 2100 */
    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 5);
        if (g_strv_length(words) < 5)
            continue;
        EventRow *event = g_new0(EventRow, 1);
        *event = (EventRow){.id = i + 1,
                            .kind = g_strdup(words[0]),
                            .assignment = words[1][0] == '-' ? NULL : g_strdup(words[1]),
                            .submission_id = CLAMP(g_ascii_strtoll(words[2], NULL, 10), 0, 1000),
                            .at_us = CLAMP(g_ascii_strtoll(words[3], NULL, 10), 0, max_us),
                            .account = g_strdup("person:x"),
                            .data = g_strdup(words[4])};
        g_ptr_array_add(events, event);
    }
    return events;
}

static void check(const Policy *policy, const Fold *fold)
{
    gint64 sum_milli = 0;
    for (guint i = 0; i < fold->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(fold->lines, i);
        if (strcmp(line->account, "person:x") != 0)
            continue; /* a typed bank */
        sum_milli += line->amount_milli;
        g_assert(sum_milli >= -policy_max_debt(policy));
    }
    g_assert(sum_milli == fold->balance_milli);
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        g_assert(g_utf8_validate(decision->sentence, -1, NULL) && decision->tokens_milli >= 0);
    }
}

static void try_events(const Policy *policy, const Course *course, const char *text)
{
    g_autoptr(GPtrArray) events = read_events(text);
    g_autoptr(Fold) fold = policy_fold(policy, course, "person:x", events);
    check(policy, fold);
    for (guint i = 0; i < events->len / 2; i++) {
        gpointer kept = events->pdata[i];
        events->pdata[i] = events->pdata[events->len - 1 - i];
        events->pdata[events->len - 1 - i] = kept;
    }
    g_autoptr(Fold) again = policy_fold(policy, course, "person:x", events);
    check(policy, again);
    const Assignment *assignment = g_ptr_array_index(course->assignments, 0);
    g_autoptr(Decision) quote =
        policy_quote(policy, course, "person:x", assignment, events, assignment->deadline_us + 1);
    g_assert(quote->tokens_milli >= 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    char *events = strstr(text, "\n---\n");
    if (events) {
        *events = '\0';
        events += strlen("\n---\n");
    }
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(YamlDocument) document = yaml_parse("course.yaml", text, strlen(text), diagnostics);
    if (!document)
        return 0;
    Course *course = make_course(document);
    g_autoptr(Policy) policy = policy_parse(course, diagnostics);
    if (policy && events)
        try_events(policy, course, events);
    free_course(course);
    return 0;
}
