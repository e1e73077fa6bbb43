/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-books [STUDENTS]: a term of so many students (99,999) with ten events each, in a store of its own. What a fold
 * of all, a decision and a quote take; that this does not grow with the course, and what an event costs in accounts of
 * 10, 100, 1,000 and 10,000 of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/tokens/policy.h"

/* As many as a roster holds beside its head. */
enum { N_STUDENTS = 99999, N_STUDENTS_OF_A_SMALL_COURSE = 1000, N_EVENTS_EACH = 10, N_HOMEWORKS = 5, N_MEMBERS = 4 };

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
                                  "  e1: {title: An essay, kind: other, deadline: \"2022-10-12 23:59\", parts: "
                                  "{draft: {deadline: \"2022-10-05 23:59\", share: 30}}}\n"
                                  "  m1: {title: A milestone, kind: milestone, deadline: \"2022-10-12 23:59\"}\n"
                                  "tokens:\n"
                                  "  banks:\n"
                                  "    person: {pool: 7}\n"
                                  "  late: {unit: started_day, price: 1}\n"
                                  "  resubmission: {price: 3, after: release}\n"
                                  "  without_tokens: {percent: 15}\n"
                                  "  kinds: {milestone: {group: all_members}}\n";

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
        g_string_append_printf(roster, "s%06u,Student %u,s%06u@example.edu,,,,%s,student,\n", i, i, i,
                               i < N_MEMBERS ? "team" : "");
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

static const Assignment *homework(const Course *course, guint number)
{
    static const char *const ids[N_HOMEWORKS] = {"h1", "h2", "h3", "h4", "h5"};
    return course_assignment(course, ids[number % N_HOMEWORKS]);
}

static gint64 receipt_of(const Assignment *assignment, guint salt)
{
    const guint hours = 60;
    return assignment->deadline_us + (gint64)(salt % hours) * CLOCK_HOUR_US - CLOCK_DAY_US;
}

static bool hand_in(Store *store, const Course *course, const char *owner, guint number, guint salt, GError **error)
{
    const Assignment *assignment = homework(course, number);
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

/* The student of one of n rounds: all in turn from one end of the course to the other, or one again and again. */
typedef struct {
    guint first, step;
} Turn;

/* One transaction: what a settling takes beside the disk's flush. */
static double settle(const Term *term, Turn turn, guint n)
{
    GError *error = NULL;
    gint64 from_us = spent_us();
    if (!store_begin(term->store, &error))
        die("settling", error);
    for (guint i = 0; i < n; i++) {
        g_autofree char *owner = student(turn.first + i * turn.step);
        g_autofree char *account = g_strconcat("person:", owner, NULL);
        if (!account_settle(term->store, term->policy, term->course, account, NULL, &error))
            die("settling", error);
    }
    if (!store_commit(term->store, &error))
        die("settling", error);
    return seconds_since(from_us) * 1e6 / n;
}

/* Reading the account's events is part of it, as for `rubric what-if`. */
static double quote(const Term *term, Turn turn, guint n)
{
    const Assignment *assignment = homework(term->course, 2);
    gint64 from_us = spent_us();
    for (guint i = 0; i < n; i++) {
        guint number = turn.first + i * turn.step;
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
    Turn turn = {.step = term->n_students / n_sampled};
    settle(term, turn, n_sampled); /* books the lines; the second time is what a settling costs that changes nothing */
    Costs costs = {.settle_us = settle(term, turn, n_sampled), .quote_us = quote(term, turn, n_sampled)};
    printf("course  %6u students: a decision (read, fold, compare with the ledger) %.0f us, a quote %.0f us\n",
           term->n_students, costs.settle_us, costs.quote_us);
    return costs;
}

/* ---- growth with an account's own events ------------------------------------------------------------------------ */

static void add(GPtrArray *events, const char *account, const char *kind, gint64 at_us, const char *assignment,
                gint64 id, const char *data)
{
    EventRow *event = g_new0(EventRow, 1);
    *event = (EventRow){.id = events->len + 1,
                        .at_us = at_us,
                        .account = g_strdup(account),
                        .kind = g_strdup(kind),
                        .assignment = g_strdup(assignment),
                        .submission_id = id,
                        .data = g_strdup(data)};
    g_ptr_array_add(events, event);
}

static gint64 add_handed_in(GPtrArray *events, const char *account, const Assignment *assignment, guint number)
{
    gint64 at_us = receipt_of(assignment, number * 13);
    g_autofree char *digest = g_strdup_printf("{\"digest\":\"%u\"}", number);
    add(events, account, "submitted", at_us, assignment->id, number + 1, digest);
    add(events, account, "graded", at_us + 1, NULL, number + 1, "{\"points_milli\":90000,\"max_milli\":100000}");
    return at_us;
}

static void add_homework(const Course *course, GPtrArray *events, guint number)
{
    add_handed_in(events, "person:s000010", homework(course, number), number);
}

/* All of one assignment, each after a release, and each granted a token. */
static void add_redone(const Course *course, GPtrArray *events, guint number)
{
    const Assignment *assignment = course_assignment(course, "h3");
    gint64 at_us = add_handed_in(events, "person:s000010", assignment, number);
    add(events, "person:s000010", "released", at_us + 2, assignment->id, 0, "{}");
    add(events, "person:s000010", "granted", at_us + 3, NULL, 0, "{\"amount_milli\":1000}");
}

static void add_essay(const Course *course, GPtrArray *events, guint number)
{
    add_handed_in(events, "person:s000010", course_assignment(course, "e1"), number);
}

/* One of the members comes from another team. */
static void add_milestone(const Course *course, GPtrArray *events, guint number)
{
    const Assignment *assignment = course_assignment(course, "m1");
    if (number == 0)
        add(events, "person:s000000", "moved", assignment->deadline_us, NULL, 0,
            "{\"person\":\"s000000\",\"from\":\"other\",\"to\":\"team\"}");
    add_handed_in(events, "team:team", assignment, number);
}

typedef struct {
    const char *name, *account;
    void (*add)(const Course *course, GPtrArray *events, guint number);
} Shape;

/* On a machine that is busy otherwise, caches are cold and the processor slow at times: the quickest of several is
 * told. */
enum { N_TRIES = 5 };

static double fold_own(const Term *term, const Shape *shape, guint n_events)
{
    const guint n_folded = 20000; /* events a try */
    double best_us = G_MAXDOUBLE;
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
    for (guint number = 0; events->len < n_events; number++)
        shape->add(term->course, events, number);
    for (guint try = 0; try < N_TRIES; try++) {
        gint64 from_us = spent_us();
        for (guint i = 0; i < n_folded / n_events; i++)
            fold_free(policy_fold(term->policy, term->course, shape->account, events));
        best_us = MIN(best_us, seconds_since(from_us) * 1e6 / n_folded);
    }
    return best_us;
}

static const guint sizes[] = {10, 100, 1000, 10000};

static void print_growth(const char *name, const double *event_us)
{
    printf("account %-42s", name);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
        printf(" %6.2f", event_us[i]);
    printf(" us an event; %u events cost %.1f times as much each as %u\n", sizes[G_N_ELEMENTS(sizes) - 1],
           event_us[G_N_ELEMENTS(sizes) - 1] / event_us[0], sizes[0]);
}

static void grow_folds(const Term *term)
{
    static const Shape shapes[] = {
        {"a fold, of homework", "person:s000010", add_homework},
        {"a fold, of one released and redone for ever", "person:s000010", add_redone},
        {"a fold, of an assignment with a part", "person:s000010", add_essay},
        {"a fold, of a team whose members pay", "team:team", add_milestone},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        double event_us[G_N_ELEMENTS(sizes)];
        for (gsize j = 0; j < G_N_ELEMENTS(sizes); j++)
            event_us[j] = fold_own(term, &shapes[i], sizes[j]);
        print_growth(shapes[i].name, event_us);
    }
}

/* A student of the store hands in until there are so many events. */
static void hand_in_up_to(const Term *term, guint number, guint n_events)
{
    GError *error = NULL;
    g_autofree char *owner = student(number);
    if (!store_begin(term->store, &error))
        die("handing in", error);
    for (guint i = N_EVENTS_EACH / 2; i < n_events / 2; i++) {
        if (!hand_in(term->store, term->course, owner, i, number, &error))
            die("handing in", error);
    }
    if (!store_commit(term->store, &error))
        die("handing in", error);
}

/* With the store: what one more decision of such an account takes, and one quote. */
static void grow_in_store(const Term *term)
{
    const guint first = 20, n_read = 20000; /* events a try */
    double settle_us[G_N_ELEMENTS(sizes)], quote_us[G_N_ELEMENTS(sizes)];
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        guint n_rounds = n_read / sizes[i];
        Turn turn = {.first = first + i};
        hand_in_up_to(term, first + i, sizes[i]);
        settle(term, turn, 1);
        settle_us[i] = quote_us[i] = G_MAXDOUBLE;
        for (guint try = 0; try < N_TRIES; try++) {
            settle_us[i] = MIN(settle_us[i], settle(term, turn, n_rounds) / sizes[i]);
            quote_us[i] = MIN(quote_us[i], quote(term, turn, n_rounds) / sizes[i]);
        }
    }
    print_growth("a decision, with reading and comparing", settle_us);
    print_growth("a quote, with reading", quote_us);
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
    double booked_us = settle(&large, (Turn){.step = 1}, large.n_students);
    printf("book    everybody's lines booked: %.0f us an account; the store is %" G_GINT64_FORMAT " MB\n", booked_us,
           (file_bytes(large.folder, "store.db") + file_bytes(large.folder, "store.db-wal")) / 1000000);
    Costs in_small = measure(&small), in_large = measure(&large);
    printf("course  %.0f times the students: a decision costs %.2f times as much, a quote %.2f times\n",
           (double)large.n_students / small.n_students, in_large.settle_us / in_small.settle_us,
           in_large.quote_us / in_small.quote_us);
    printf("account %-42s %6u %6u %6u %6u events\n", "", sizes[0], sizes[1], sizes[2], sizes[3]);
    grow_in_store(&small);
    grow_folds(&small);
    term_clear(&small);
    term_clear(&large);
    return EXIT_SUCCESS;
}
