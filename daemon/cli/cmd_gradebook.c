/* SPDX-License-Identifier: Apache-2.0 */
/* Grades of the whole course: credits of what counts, scores from outside, tokens that are left. */
#include "daemon/cli/accounts.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    gboolean is_csv, is_json;
    char *explain, *peers, *config_path;
    char **scores;
} Options;

typedef struct {
    CliDaemon daemon;
    Gradebook *book;
    GHashTable *scores;   /* person -> GHashTable of column -> gint64* */
    GHashTable *accounts; /* name -> Account* */
    GHashTable *maxima;   /* assignment -> gint64* */
    GPtrArray *ratings;   /* of PeerRating*, or NULL */
    const Options *options;
} Table;

static GHashTable *new_values(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void table_clear(Table *table)
{
    cli_daemon_clear(&table->daemon);
    gradebook_free(table->book);
    g_clear_pointer(&table->scores, g_hash_table_destroy);
    g_clear_pointer(&table->accounts, g_hash_table_destroy);
    g_clear_pointer(&table->maxima, g_hash_table_destroy);
    g_clear_pointer(&table->ratings, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Table, table_clear)

/* ---- tables from outside ---------------------------------------------------------------------------------------- */

static bool read_text(const char *path, char **ret, gsize *ret_length, Diagnostics *diagnostics)
{
    const gsize max_bytes = 16 << 20;
    g_autoptr(GError) error = NULL;
    if (file_read(path, max_bytes, ret, ret_length, &error))
        return true;
    diagnostics_add(diagnostics, SEVERITY_ERROR, path, 0, 0, "%s", error->message);
    return false;
}

/* A column that is nowhere counts as 0: that may be meant, early in a term. */
static void warn_of_absent(const Table *table, GHashTable *found, Diagnostics *diagnostics)
{
    g_autoptr(GHashTable) wanted = scores_wanted(table->book);
    GHashTableIter each;
    gpointer column;
    g_hash_table_iter_init(&each, wanted);
    while (g_hash_table_iter_next(&each, &column, NULL)) {
        if (!g_hash_table_contains(found, column) && g_strcmp0(table->book->peer_column, column) != 0)
            diagnostics_add(diagnostics, SEVERITY_WARNING, "scores", 0, 0,
                            "no table has the column \"%s\": it counts as 0 for everybody", (char *)column);
    }
}

static bool read_all_scores(Table *table, char **paths, Diagnostics *diagnostics)
{
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = true;
    for (char **path = paths; path && *path; path++) {
        g_autofree char *text = NULL;
        gsize length;
        ok = read_text(*path, &text, &length, diagnostics) &&
             scores_read(table->daemon.course, table->book, *path, text, length, table->scores, found, diagnostics) &&
             ok;
    }
    warn_of_absent(table, found, diagnostics);
    return ok;
}

static bool read_peers(Table *table, Diagnostics *diagnostics)
{
    const Gradebook *book = table->book;
    const char *path = table->options->peers;
    g_autofree char *text = NULL;
    gsize length;
    if (!path)
        return true;
    if (!book->peer_component) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, "course.yaml", 0, 0,
                        "there is no `peer_rating:` below `gradebook:`");
        return false;
    }
    if (!read_text(path, &text, &length, diagnostics))
        return false;
    table->ratings = peers_read(table->daemon.course, &book->peers, path, text, length, diagnostics);
    return table->ratings != NULL;
}

/* ---- credits ---------------------------------------------------------------------------------------------------- */

/* What one account brings to its people's grades. */
typedef struct {
    GPtrArray *decisions; /* of Decision*: those that count */
    GHashTable *earned;   /* &decision->submission_id -> gint64* */
    GHashTable *excused;  /* char*: assignments */
    GPtrArray *events;    /* of EventRow* */
    gint64 tokens_milli, owed_milli;
} Account;

static void account_free(gpointer data)
{
    Account *account = data;
    g_ptr_array_unref(account->decisions);
    g_hash_table_destroy(account->earned);
    g_hash_table_destroy(account->excused);
    g_clear_pointer(&account->events, g_ptr_array_unref);
    g_free(account);
}

static bool add_decision(Table *table, Account *account, Decision *decision, GError **error)
{
    g_autoptr(VerdictRow) verdict = NULL;
    g_ptr_array_add(account->decisions, decision);
    if (!store_verdict_latest(table->daemon.store, decision->submission_id, &verdict, error))
        return false;
    gint64 earned_milli = verdict ? verdict->points_milli + verdict->bonus_milli : 0;
    g_hash_table_insert(account->earned, &decision->submission_id, g_memdup2(&earned_milli, sizeof earned_milli));
    return true;
}

/* A typed bank's account has the owner's name in front. */
static bool is_account_of(const char *account, const char *name)
{
    gsize length = strlen(name);
    return strncmp(account, name, length) == 0 && strchr("/", account[length]);
}

static bool read_account(Table *table, const char *name, Account *account, GError **error)
{
    CliDaemon *daemon = &table->daemon;
    account->events = account_events(daemon->store, daemon->policy, daemon->course, name, error);
    if (!account->events)
        return false;
    g_autoptr(Fold) fold = policy_fold(daemon->policy, daemon->course, name, account->events);
    account->tokens_milli = fold->balance_milli;
    for (guint i = 0; i < fold->accounts->len; i++) {
        const FoldAccount *each = g_ptr_array_index(fold->accounts, i);
        if (is_account_of(each->account, name))
            account->owed_milli += MAX(0, -each->balance_milli);
    }
    for (guint i = 0; i < fold->bought->len; i++) {
        const FoldBought *bought = g_ptr_array_index(fold->bought, i);
        if (is_account_of(bought->account, name) && bought->excuses && bought->assignment)
            g_hash_table_add(account->excused, g_strdup(bought->assignment));
    }
    while (fold->decisions->len > 0) {
        g_autoptr(Decision) decision = g_ptr_array_steal_index(fold->decisions, fold->decisions->len - 1);
        if (decision->kind == DECISION_COUNTS && !add_decision(table, account, g_steal_pointer(&decision), error))
            return false;
    }
    return true;
}

/* Team accounts are read once for all members. */
static const Account *account_of(Table *table, const char *name, GError **error)
{
    Account *account = g_hash_table_lookup(table->accounts, name);
    if (account)
        return account;
    account = g_new0(Account, 1);
    account->decisions = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free);
    account->earned = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    account->excused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert(table->accounts, g_strdup(name), account);
    return read_account(table, name, account, error) ? account : NULL;
}

/* An assignment with parts may have several submissions that count, each for some of them. */
static void add_credit(GHashTable *credits, const char *assignment, gint64 milli)
{
    const gint64 *before_milli = g_hash_table_lookup(credits, assignment);
    gint64 sum_milli = milli + (before_milli ? *before_milli : 0);
    g_hash_table_insert(credits, g_strdup(assignment), g_memdup2(&sum_milli, sizeof sum_milli));
}

static void merge_account(const Account *account, const char *person, const char *only, GradeInput *input)
{
    for (guint i = 0; i < account->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(account->decisions, i);
        const gint64 *earned_milli = g_hash_table_lookup(account->earned, &decision->submission_id);
        if (only && strcmp(only, decision->assignment) != 0)
            continue;
        add_credit(input->credits, decision->assignment, decision_credit_for(decision, person, *earned_milli));
        input->course_milli += decision->course_milli;
    }
    GHashTableIter each;
    gpointer excused;
    g_hash_table_iter_init(&each, account->excused);
    while (g_hash_table_iter_next(&each, &excused, NULL)) {
        if (!only || strcmp(only, excused) == 0)
            g_hash_table_add(input->excused, g_strdup(excused));
    }
}

/* A milestone belongs to the team in which a person was when it was due. */
static bool add_team_work(Table *table, const Person *person, const GPtrArray *events, GradeInput *input,
                          GError **error)
{
    const Course *course = table->daemon.course;
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        const char *team = assignment->owner_kind == OWNER_TEAM
                               ? policy_team_at(course, events, person->id, assignment->deadline_us)
                               : NULL;
        g_autofree char *name = team ? account_name(OWNER_TEAM, team) : NULL;
        const Account *account = name ? account_of(table, name, error) : NULL;
        if (name && !account)
            return false;
        if (account)
            merge_account(account, person->id, assignment->id, input);
    }
    return true;
}

static GHashTable *maxima_of(const Course *course)
{
    GHashTable *maxima = new_values();
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        const Rubric *rubric = course_rubric(course, assignment, assignment->deadline_us);
        if (rubric && rubric->max_milli > 0)
            add_credit(maxima, assignment->id, rubric->max_milli);
    }
    return maxima;
}

static void add_ratings(const Table *table, const Person *person, GradeInput *input)
{
    for (guint i = 0; table->ratings && i < table->ratings->len; i++) {
        PeerRating *rating = g_ptr_array_index(table->ratings, i);
        if (strcmp(rating->person, person->id) != 0)
            continue;
        if (rating->assignment)
            g_hash_table_insert(input->peer_factors, (char *)rating->assignment, &rating->factor);
        else
            input->peer_factor = rating->factor;
    }
}

static Grade *grade_of(Table *table, const Person *person, GError **error)
{
    g_autoptr(GHashTable) factors = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) credits = new_values();
    g_autoptr(GHashTable) excused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *name = account_name(OWNER_PERSON, person->id);
    const Account *own = account_of(table, name, error);
    if (!own)
        return NULL;
    GradeInput input = {.scores = g_hash_table_lookup(table->scores, person->id),
                        .credits = credits,
                        .excused = excused,
                        .peer_factors = factors,
                        .maxima = table->maxima,
                        .tokens_milli = own->tokens_milli,
                        .owed_milli = own->owed_milli};
    add_ratings(table, person, &input);
    merge_account(own, person->id, NULL, &input);
    if (!add_team_work(table, person, own->events, &input, error))
        return NULL;
    return gradebook_compute(gradebook_for(table->book, person->section), &input);
}

static const char *letter_of(const Table *table, const Person *person, const Grade *grade)
{
    return person->status == STATUS_AUDIT ? gradebook_audit(gradebook_for(table->book, person->section), grade)
                                          : grade->letter;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

/* A cell that no spreadsheet takes for a formula. */
static void print_cell(const char *text, bool is_first)
{
    g_autofree char *doubled = NULL;
    g_autoptr(GString) cell = g_string_new(text ? text : "");
    if (cell->len > 0 && strchr("=+-@\t\r", cell->str[0]))
        g_string_prepend_c(cell, '\'');
    g_string_replace(cell, "\"", "\"\"", 0);
    doubled = g_strdup(cell->str);
    if (strpbrk(doubled, ",\"\n\r"))
        printf("%s\"%s\"", is_first ? "" : ",", doubled);
    else
        printf("%s%s", is_first ? "" : ",", doubled);
}

/* Two lines, as Canvas wants them; it takes a column "Final ..." for its own and leaves it alone. */
static void print_csv_header(const Table *table)
{
    const GPtrArray *components = table->book->components;
    printf("Student,ID,SIS User ID,SIS Login ID,Section");
    for (guint i = 0; i < components->len; i++)
        print_cell(((const Component *)g_ptr_array_index(components, i))->name, false);
    printf(",Final Score,Final Grade\nPoints Possible,,,,");
    for (guint i = 0; i < components->len; i++) {
        g_autofree char *weight = points_format(((const Component *)g_ptr_array_index(components, i))->weight_milli);
        print_cell(weight, false);
    }
    printf(",(read only),(read only)\n");
}

static void print_csv(const Table *table, const Person *person, const Grade *grade)
{
    print_cell(person->name ? person->name : person->id, true);
    print_cell("", false);
    print_cell(person->sid, false);
    print_cell(person->id, false);
    print_cell(person->section, false);
    for (guint i = 0; i < grade->parts->len; i++) {
        g_autofree char *part = points_format(exact_round_milli(g_array_index(grade->parts, Exact, i)));
        print_cell(part, false);
    }
    g_autofree char *total = points_format(exact_round_milli(grade->total));
    print_cell(total, false);
    /* A letter like "A-" is no formula: only its first sign could make one. */
    print_cell(letter_of(table, person, grade), false);
    putchar('\n');
}

static void print_json(const Table *table, const Person *person, const Grade *grade)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "id", person->id);
    json_add_int64(json, "total_milli", exact_round_milli(grade->total));
    json_add_string(json, "letter", letter_of(table, person, grade));
    json_add_int64(json, "tokens_used_milli", grade->tokens_used_milli);
    cJSON *lines = json_add(json, "lines", cJSON_CreateArray());
    for (guint i = 0; i < grade->lines->len; i++)
        json_append_string(lines, g_ptr_array_index(grade->lines, i));
    g_autofree char *text = json_print(json);
    puts(text);
}

static void print_person(const Table *table, const Person *person, const Grade *grade)
{
    g_autofree char *total = points_format(exact_round_milli(grade->total));
    if (table->options->is_csv) {
        print_csv(table, person, grade);
    } else if (table->options->is_json) {
        print_json(table, person, grade);
    } else if (table->options->explain) {
        printf("%s\n", person->id);
        for (guint i = 0; i < grade->lines->len; i++)
            printf("  %s\n", (const char *)g_ptr_array_index(grade->lines, i));
    } else {
        printf("%-20s %8s  %s\n", person->id, total, letter_of(table, person, grade));
    }
}

static bool print_all(Table *table, GError **error)
{
    const Course *course = table->daemon.course;
    const char *only = table->options->explain;
    bool is_found = only == NULL;
    if (table->options->is_csv)
        print_csv_header(table);
    for (guint i = 0; i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        if ((person->status != STATUS_STUDENT && person->status != STATUS_AUDIT) ||
            (only && strcmp(only, person->id) != 0))
            continue;
        g_autoptr(Grade) grade = grade_of(table, person, error);
        if (!grade)
            return false;
        print_person(table, person, grade);
        is_found = true;
    }
    return is_found || error_set(error, RUBRIC_ERROR_NOT_FOUND, "\"%s\" is no student of this course", only);
}

static int show(const Options *options)
{
    g_auto(Table) table = {.options = options};
    int status = EXIT_OURS;
    GError *error = NULL;
    if (!cli_daemon_open(&cmd_gradebook, options->config_path, &table.daemon, &status))
        return status;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    if (!gradebook_parse(table.daemon.course, &table.book, diagnostics))
        return cli_print_diagnostics(diagnostics);
    if (!table.book)
        return cli_fail(&cmd_gradebook, EXIT_PROBLEMS, "course.yaml has no `gradebook:`; docs/policy.md shows one");
    table.scores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_destroy);
    table.accounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, account_free);
    table.maxima = maxima_of(table.daemon.course);
    bool ok = read_all_scores(&table, options->scores, diagnostics) && read_peers(&table, diagnostics);
    status = cli_print_diagnostics(diagnostics);
    if (!ok)
        return status;
    return print_all(&table, &error) ? EXIT_DONE : cli_fail_error(&cmd_gradebook, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"csv", 0, 0, G_OPTION_ARG_NONE, &options.is_csv, "a table that Canvas imports", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "JSON, a line a person", NULL},
        {"explain", 0, 0, G_OPTION_ARG_STRING, &options.explain, "each number of one person", "PERSON"},
        {"scores", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.scores,
         "scores from outside: id,midterm,lectures,... (several: again)", "CSV"},
        {"peers", 0, 0, G_OPTION_ARG_FILENAME, &options.peers,
         "how members rated each other: rater,rated,rating[,assignment]", "CSV"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_gradebook, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = argc == 1 ? show(&options) : cli_fail(&cmd_gradebook, EXIT_USAGE, "takes no argument, only options");
    g_free(options.explain);
    g_free(options.peers);
    g_strfreev(options.scores);
    g_free(options.config_path);
    return status;
}

const Command cmd_gradebook = {"gradebook", "[--csv|--json|--explain PERSON]",
                               "everybody's grade, and how it came about", run};
