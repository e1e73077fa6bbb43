/* SPDX-License-Identifier: Apache-2.0 */
/* bench-tokens COURSE_FOLDER: 100,000 accounts with 1,000,000 events folded, a quote, and growth with an account's
 * events. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "daemon/tokens/policy.h"

enum { N_ACCOUNTS = 100000, N_EVENTS_EACH = 10 };

static void add(GPtrArray *events, const char *kind, gint64 at_us, const char *assignment, gint64 id, const char *data)
{
    EventRow *event = g_new0(EventRow, 1);
    *event = (EventRow){.id = events->len + 1,
                        .at_us = at_us,
                        .account = g_strdup("person:x"),
                        .kind = g_strdup(kind),
                        .assignment = g_strdup(assignment),
                        .submission_id = id,
                        .data = g_strdup(data)};
    g_ptr_array_add(events, event);
}

static GPtrArray *make_events(const Course *course, guint n, guint salt)
{
    GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
    for (guint i = 0; i < n / 2; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, (i + salt) % course->assignments->len);
        gint64 at_us = assignment->deadline_us + (gint64)((salt * 7 + i * 13) % 60) * CLOCK_HOUR_US;
        g_autofree char *digest = g_strdup_printf("{\"digest\":\"%u\"}", i);
        add(events, "submitted", at_us, assignment->id, i + 1, digest);
        add(events, "graded", at_us + 1, NULL, i + 1, "{\"points_milli\":90000,\"max_milli\":100000}");
    }
    return events;
}

static double seconds(gint64 from_us)
{
    const double second_us = 1e6;
    return (double)(clock_monotonic_us() - from_us) / second_us;
}

static void fold_all(const Policy *policy, const Course *course)
{
    double folding = 0;
    gint64 n_events = 0;
    for (guint i = 0; i < N_ACCOUNTS; i++) {
        g_autoptr(GPtrArray) events = make_events(course, N_EVENTS_EACH, i);
        gint64 from_us = clock_monotonic_us();
        g_autoptr(Fold) fold = policy_fold(policy, course, "person:x", events);
        folding += seconds(from_us);
        n_events += events->len;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%d accounts, %" G_GINT64_FORMAT " events: %.2f s on one core, %.1f us a decision, %ld KiB at most\n",
           N_ACCOUNTS, n_events, folding, folding * 1e6 / ((double)n_events / 2), usage.ru_maxrss);
}

static void grow(const Policy *policy, const Course *course, guint n)
{
    const int rounds = 20;
    g_autoptr(GPtrArray) events = make_events(course, n, 3);
    const Assignment *assignment = g_ptr_array_index(course->assignments, 0);
    gint64 from_us = clock_monotonic_us();
    for (int i = 0; i < rounds; i++)
        decision_free(policy_quote(policy, course, "person:x", assignment, events, assignment->deadline_us + 1));
    printf("a quote on an account of %5u events: %.1f us\n", n, seconds(from_us) * 1e6 / rounds);
}

int main(int argc, char **argv)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) course = argc == 2 ? course_load(argv[1], no_graders, diagnostics) : NULL;
    g_autoptr(Policy) policy = course ? policy_parse(course, diagnostics) : NULL;
    if (!policy) {
        g_autofree char *problems = diagnostics_format(diagnostics);
        fprintf(stderr, "%susage: bench-tokens COURSE_FOLDER\n", problems);
        return EXIT_FAILURE;
    }
    fold_all(policy, course);
    for (guint n = 10; n <= 10000; n *= 10)
        grow(policy, course, n);
    return EXIT_SUCCESS;
}
