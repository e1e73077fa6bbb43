/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-books [STUDENTS]: a term of so many students (99,999) with ten events each, in a store of its own. What a fold
 * of all, a decision and a quote take; how that grows with an account's own events, and that it does not with the
 * course.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/tokens/policy.h"

/* As many as a roster holds beside its head. */
enum { N_STUDENTS = 99999, N_STUDENTS_OF_A_SMALL_COURSE = 1000, N_EVENTS_EACH = 10 };

typedef struct {
    char *folder;
    Course *course;
    Policy *policy;
    Store *store;
    guint n_students;
} Term;

static const char course_text[] = "course: bench\n"
                                  "title: A course for figures\n"
                                  "timezone: America/New_York\n"
                                  "assignments:\n"
                                  "  h1: {title: One, kind: homework, deadline: \"2022-09-07 23:59\"}\n"
                                  "  h2: {title: Two, kind: homework, deadline: \"2022-09-28 23:59\"}\n"
                                  "  h3: {title: Three, kind: homework, deadline: \"2022-10-12 23:59\"}\n"
                                  "  h4: {title: Four, kind: homework, deadline: \"2022-11-05 23:59\"}\n"
                                  "  h5: {title: Five, kind: homework, deadline: \"2022-11-30 23:59\"}\n"
                                  "tokens:\n"
                                  "  banks:\n"
                                  "    person: {pool: 7}\n"
                                  "  late: {unit: started_day, price: 1}\n"
                                  "  resubmission: {price: 3, after: release}\n"
                                  "  without_tokens: {percent: 15}\n";

static void die(const char *what, GError *error)
{
    fprintf(stderr, "bench-books: %s: %s\n", what, error ? error->message : "cannot");
    exit(EXIT_FAILURE);
}

/* The processor's time of this process, so that what else runs on the machine does not matter. */
static gint64 spent_us(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return spent.tv_sec * CLOCK_SECOND_US + spent.tv_nsec / 1000;
}

static double seconds_since(gint64 from_us)
{
    const double second_us = 1e6;
    return (double)(spent_us() - from_us) / second_us;
}

static long memory_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* ---- a term ----------------------------------------------------------------------------------------------------- */

static char *student(guint number)
{
    return g_strdup_printf("s%06u", number);
}

static void write_course(const Term *term)
{
    g_autofree char *course_path = g_build_filename(term->folder, "course.yaml", NULL);
    g_autofree char *roster_path = g_build_filename(term->folder, "roster.csv", NULL);
    g_autoptr(GString) roster = g_string_new("id,name,email,github,sid,section,team,status,aliases\n");
    for (guint i = 0; i < term->n_students; i++)
        g_string_append_printf(roster, "s%06u,Student %u,s%06u@example.edu,,,,,student,\n", i, i, i);
    GError *error = NULL;
    const int mode = 0600;
    if (!file_write_atomic(course_path, course_text, strlen(course_text), mode, &error) ||
        !file_write_atomic(roster_path, roster->str, roster->len, mode, &error))
        die("writing a course", error);
}

static void load_course(Term *term)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    term->course = course_load(term->folder, no_graders, diagnostics);
    term->policy = term->course ? policy_parse(term->course, diagnostics) : NULL;
    if (term->policy)
        return;
    g_autofree char *problems = diagnostics_format(diagnostics);
    fputs(problems, stderr);
    exit(EXIT_FAILURE);
}

static gint64 receipt_of(const Assignment *assignment, guint salt)
{
    const guint hours = 60;
    return assignment->deadline_us + (gint64)(salt % hours) * CLOCK_HOUR_US - CLOCK_DAY_US;
}

static bool hand_in(Store *store, const Course *course, const char *owner, guint number, guint salt, GError **error)
{
    const Assignment *assignment = g_ptr_array_index(course->assignments, number % course->assignments->len);
    g_autofree char *name = g_strdup_printf("%s-%u", owner, number);
    Submission row = {.assignment = assignment->id,
                      .owner_kind = (char *)"person",
                      .owner = (char *)owner,
                      .source = (char *)"inbox",
                      .external_id = name,
                      .revision = (char *)"r",
                      .received_us = receipt_of(assignment, salt * 7 + number * 13),
                      .content_digest = name,
                      .state = SUBMISSION_FETCHED};
    Verdict points = {.points_milli = 80000, .max_milli = 100000};
    bool is_new;
    return store_submission_insert(store, &row, &row.id, &is_new, error) &&
           account_note_submitted(store, &row, error) && account_note_graded(store, course, &row, &points, error);
}

static void fill_store(Term *term)
{
    g_autofree char *path = g_build_filename(term->folder, "store.db", NULL);
    GError *error = NULL;
    term->store = store_open(path, &error);
    if (!term->store || !store_begin(term->store, &error))
        die("making a store", error);
    for (guint i = 0; i < term->n_students; i++) {
        g_autofree char *owner = student(i);
        for (guint number = 0; number < N_EVENTS_EACH / 2; number++) {
            if (!hand_in(term->store, term->course, owner, number, i, &error))
                die("handing in", error);
        }
    }
    if (!store_commit(term->store, &error))
        die("handing in", error);
}

static void term_open(Term *term, guint n_students)
{
    term->n_students = n_students;
    term->folder = g_dir_make_tmp("rubric-bench-XXXXXX", NULL);
    write_course(term);
    load_course(term);
    fill_store(term);
}

static void term_clear(Term *term)
{
    store_close(term->store);
    policy_free(term->policy);
    course_free(term->course);
    file_remove_tree(term->folder, NULL);
    g_free(term->folder);
}

/* ---- figures ---------------------------------------------------------------------------------------------------- */

static GPtrArray *events_of(const Term *term, guint number)
{
    GError *error = NULL;
    g_autofree char *owner = student(number);
    g_autofree char *account = g_strconcat("person:", owner, NULL);
    GPtrArray *events = account_events(term->store, term->policy, term->course, account, &error);
    if (!events)
        die("reading events", error);
    return events;
}

/* Everybody's events from the store, and what they come to: as the gradebook needs them. */
static void fold_all(const Term *term)
{
    gint64 from_us = spent_us(), n_events = 0;
    double folding_s = 0;
    for (guint i = 0; i < term->n_students; i++) {
        g_autofree char *owner = student(i);
        g_autofree char *account = g_strconcat("person:", owner, NULL);
        g_autoptr(GPtrArray) events = events_of(term, i);
        gint64 fold_from_us = spent_us();
        g_autoptr(Fold) fold = policy_fold(term->policy, term->course, account, events);
        folding_s += seconds_since(fold_from_us);
        n_events += events->len;
    }
    double all_s = seconds_since(from_us);
    printf("fold    %u students, %" G_GINT64_FORMAT
           " events: %.2f s on one core, %.2f s with reading the store; %.1f us a"
           " decision\n",
           term->n_students, n_events, folding_s, all_s, folding_s * 1e6 / ((double)n_events / 2));
}

/* One transaction: what a settling takes beside the disk's flush. */
static double settle(const Term *term, guint n)
{
    GError *error = NULL;
    gint64 from_us = spent_us();
    if (!store_begin(term->store, &error))
        die("settling", error);
    for (guint i = 0; i < n; i++) {
        g_autofree char *owner = student((guint)((guint64)i * term->n_students / n));
        g_autofree char *account = g_strconcat("person:", owner, NULL);
        if (!account_settle(term->store, term->policy, term->course, account, NULL, &error))
            die("settling", error);
    }
    if (!store_commit(term->store, &error))
        die("settling", error);
    return seconds_since(from_us) * 1e6 / n;
}

/* Reading the account's events is part of it, as for `rubric what-if`. */
static double quote(const Term *term, guint n)
{
    const Assignment *assignment = g_ptr_array_index(term->course->assignments, 2);
    gint64 from_us = spent_us();
    for (guint i = 0; i < n; i++) {
        guint number = (guint)((guint64)i * term->n_students / n);
        g_autofree char *owner = student(number);
        g_autofree char *account = g_strconcat("person:", owner, NULL);
        g_autoptr(GPtrArray) events = events_of(term, number);
        decision_free(policy_quote(term->policy, term->course, account, assignment, events,
                                   assignment->deadline_us + CLOCK_HOUR_US));
    }
    return seconds_since(from_us) * 1e6 / n;
}

static gint64 file_bytes(const char *folder, const char *name)
{
    struct stat status;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return stat(path, &status) == 0 ? status.st_size : 0;
}

typedef struct {
    double settle_us, quote_us;
} Costs;

static Costs measure(const Term *term)
{
    const guint n_sampled = 1000;
    settle(term, n_sampled); /* books the lines; the second time is what a settling costs that changes nothing */
    Costs costs = {.settle_us = settle(term, n_sampled), .quote_us = quote(term, n_sampled)};
    printf("course  %6u students: a decision (read, fold, compare with the ledger) %.0f us, a quote %.0f us\n",
           term->n_students, costs.settle_us, costs.quote_us);
    return costs;
}

/* ---- growth with an account's own events ------------------------------------------------------------------------ */

static void add(GPtrArray *events, const char *kind, gint64 at_us, const char *assignment, gint64 id, const char *data)
{
    EventRow *event = g_new0(EventRow, 1);
    *event = (EventRow){.id = events->len + 1,
                        .at_us = at_us,
                        .account = g_strdup("person:s000000"),
                        .kind = g_strdup(kind),
                        .assignment = g_strdup(assignment),
                        .submission_id = id,
                        .data = g_strdup(data)};
    g_ptr_array_add(events, event);
}

static GPtrArray *make_events(const Course *course, guint n)
{
    GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
    for (guint i = 0; i < n / 2; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i % course->assignments->len);
        gint64 at_us = receipt_of(assignment, i * 13);
        g_autofree char *digest = g_strdup_printf("{\"digest\":\"%u\"}", i);
        add(events, "submitted", at_us, assignment->id, i + 1, digest);
        add(events, "graded", at_us + 1, NULL, i + 1, "{\"points_milli\":90000,\"max_milli\":100000}");
    }
    return events;
}

static double fold_own(const Term *term, guint n_events)
{
    const guint n_rounds = MAX(20000 / n_events, 3);
    g_autoptr(GPtrArray) events = make_events(term->course, n_events);
    gint64 from_us = spent_us();
    for (guint i = 0; i < n_rounds; i++)
        fold_free(policy_fold(term->policy, term->course, "person:s000000", events));
    return seconds_since(from_us) * 1e6 / n_rounds;
}

static void grow(const Term *term)
{
    double ten_us = fold_own(term, 10);
    printf("account     10 events: %8.0f us a fold\n", ten_us);
    for (guint n = 100; n <= 10000; n *= 10) {
        double took_us = fold_own(term, n);
        printf("account %6u events: %8.0f us a fold, %.1f times as long for %u times as many\n", n, took_us,
               took_us / ten_us, n / 10);
    }
}

int main(int argc, char **argv)
{
    guint64 n_students = N_STUDENTS;
    if (argc > 2 || (argc == 2 && !g_ascii_string_to_unsigned(argv[1], 10, N_STUDENTS_OF_A_SMALL_COURSE,
                                                              10 * N_STUDENTS, &n_students, NULL))) {
        fputs("usage: bench-books [STUDENTS]\n", stderr);
        return EXIT_FAILURE;
    }
    Term small = {0}, large = {0};
    term_open(&small, N_STUDENTS_OF_A_SMALL_COURSE);
    term_open(&large, (guint)n_students);
    long before_kib = memory_kib();
    fold_all(&large);
    printf("memory  %ld KiB more while folding, %ld KiB in all with both courses\n", memory_kib() - before_kib,
           memory_kib());
    double booked_us = settle(&large, large.n_students);
    printf("book    everybody's lines booked: %.0f us an account; the store is %" G_GINT64_FORMAT " MB\n", booked_us,
           (file_bytes(large.folder, "store.db") + file_bytes(large.folder, "store.db-wal")) / 1000000);
    Costs in_small = measure(&small), in_large = measure(&large);
    printf("course  %.0f times the students: a decision costs %.2f times as much, a quote %.2f times\n",
           (double)large.n_students / small.n_students, in_large.settle_us / in_small.settle_us,
           in_large.quote_us / in_small.quote_us);
    grow(&large);
    term_clear(&small);
    term_clear(&large);
    return EXIT_SUCCESS;
}
