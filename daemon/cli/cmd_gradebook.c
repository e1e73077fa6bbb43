/* SPDX-License-Identifier: Apache-2.0 */
/* Grades of the whole course: credits of what counts, scores from outside, tokens that are left. */
#include "daemon/cli/accounts.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    gboolean is_csv, is_json;
    char *explain, *scores, *config_path;
} Options;

typedef struct {
    CliDaemon daemon;
    Gradebook *book;
    GHashTable *scores;  /* person -> GHashTable of column -> gint64* */
    GHashTable *credits; /* account -> GHashTable of assignment -> gint64* */
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
    g_clear_pointer(&table->credits, g_hash_table_destroy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Table, table_clear)

/* ---- scores from outside ---------------------------------------------------------------------------------------- */

/* A header with "id" first, then a person a line; empty cells are no score. No quotes: ids and numbers need none. */
static bool add_scores(Table *table, char **columns, const char *line, guint number, GError **error)
{
    g_auto(GStrv) cells = g_strsplit(line, ",", -1);
    const Person *person = course_find_person(table->daemon.course, g_strstrip(cells[0]));
    if (!person)
        person = course_person(table->daemon.course, cells[0]);
    if (!person)
        return error_set(error, RUBRIC_ERROR_INVALID, "scores, line %u: \"%s\" is not in the roster", number, cells[0]);
    if (g_hash_table_contains(table->scores, person->id))
        return error_set(error, RUBRIC_ERROR_INVALID, "scores, line %u: \"%s\" is there twice", number, cells[0]);
    GHashTable *values = new_values();
    g_hash_table_insert(table->scores, g_strdup(person->id), values);
    for (guint i = 1; cells[i] && columns[i]; i++) {
        gint64 milli;
        if (*g_strstrip(cells[i]) == '\0')
            continue;
        if (!accounts_read_milli(cells[i], &milli, error)) {
            g_prefix_error(error, "scores, line %u, column \"%s\": ", number, columns[i]);
            return false;
        }
        g_hash_table_insert(values, g_strdup(columns[i]), g_memdup2(&milli, sizeof milli));
    }
    return true;
}

static bool read_scores(Table *table, const char *path, GError **error)
{
    const gsize max_bytes = 16 << 20;
    g_autofree char *text = NULL;
    if (!path)
        return true;
    if (!file_read(path, max_bytes, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_auto(GStrv) columns = g_strsplit(g_strstrip(lines[0]), ",", -1);
    for (guint i = 0; columns[i]; i++)
        g_strstrip(columns[i]);
    if (!columns[0] || strcmp(columns[0], "id") != 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "scores: the first line names columns, and the first of them is id");
    for (guint i = 1; lines[i]; i++) {
        if (*g_strstrip(lines[i]) && !add_scores(table, columns, lines[i], i + 1, error))
            return false;
    }
    return true;
}

/* ---- credits ---------------------------------------------------------------------------------------------------- */

static bool add_credit(Table *table, GHashTable *credits, const Decision *decision, GError **error)
{
    g_autoptr(VerdictRow) verdict = NULL;
    if (decision->kind != DECISION_COUNTS)
        return true;
    if (!store_verdict_latest(table->daemon.store, decision->submission_id, &verdict, error))
        return false;
    gint64 earned_milli = verdict ? verdict->points_milli + verdict->bonus_milli : 0;
    gint64 credit_milli = decision_credit_milli(decision, earned_milli);
    g_hash_table_insert(credits, g_strdup(decision->assignment), g_memdup2(&credit_milli, sizeof credit_milli));
    return true;
}

/* What counts of an account; *ret_tokens what it has left. Team accounts are read once for all members. */
static GHashTable *credits_of(Table *table, const char *account, gint64 *ret_tokens, GError **error)
{
    CliDaemon *daemon = &table->daemon;
    GHashTable *known = g_hash_table_lookup(table->credits, account);
    if (known && !ret_tokens)
        return known;
    g_autoptr(GPtrArray) events = account_events(daemon->store, daemon->policy, daemon->course, account, error);
    if (!events)
        return NULL;
    g_autoptr(Fold) fold = policy_fold(daemon->policy, daemon->course, account, events);
    GHashTable *credits = new_values();
    g_hash_table_insert(table->credits, g_strdup(account), credits);
    for (guint i = 0; i < fold->decisions->len; i++) {
        if (!add_credit(table, credits, g_ptr_array_index(fold->decisions, i), error))
            return NULL;
    }
    if (ret_tokens)
        *ret_tokens = fold->balance_milli;
    return credits;
}

static void merge(GHashTable *into, GHashTable *from)
{
    GHashTableIter each;
    gpointer key, value;
    g_hash_table_iter_init(&each, from);
    while (g_hash_table_iter_next(&each, &key, &value))
        g_hash_table_insert(into, g_strdup(key), g_memdup2(value, sizeof(gint64)));
}

static Grade *grade_of(Table *table, const Person *person, GError **error)
{
    GradeInput input = {.scores = g_hash_table_lookup(table->scores, person->id)};
    g_autoptr(GHashTable) all = new_values();
    g_autofree char *own = account_name(OWNER_PERSON, person->id);
    g_autofree char *team = person->team ? account_name(OWNER_TEAM, person->team) : NULL;
    GHashTable *credits = credits_of(table, own, &input.tokens_milli, error);
    if (!credits)
        return NULL;
    merge(all, credits);
    GHashTable *team_credits = team ? credits_of(table, team, NULL, error) : NULL;
    if (team && !team_credits)
        return NULL;
    if (team_credits)
        merge(all, team_credits);
    input.credits = all;
    return gradebook_compute(gradebook_for(table->book, person->section), &input);
}

/* Who audits passes with 90 % participation and 70 % of the quizzes. */
static const char *letter_of(const Table *table, const Person *person, const Grade *grade)
{
    const gint64 enough_participation = 90000, enough_quizzes_percent = 70, all = 100;
    if (person->status != STATUS_AUDIT)
        return grade->letter;
    const Gradebook *book = gradebook_for(table->book, person->section);
    for (guint i = 0; i < book->components->len; i++) {
        const Component *component = g_ptr_array_index(book->components, i);
        gint64 part_milli = exact_round_milli(g_array_index(grade->parts, Exact, i));
        if (strcmp(component->name, "quizzes") == 0 &&
            part_milli * all < component->weight_milli * enough_quizzes_percent)
            return "audit not passed";
    }
    return grade->participation_milli >= enough_participation ? "audit passed" : "audit not passed";
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

static void print_csv_header(const Table *table)
{
    printf("Student,ID,SIS User ID,SIS Login ID,Section");
    for (guint i = 0; i < table->book->components->len; i++)
        print_cell(((const Component *)g_ptr_array_index(table->book->components, i))->name, false);
    printf(",Total,Grade\n");
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
    table.credits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_destroy);
    bool ok = read_scores(&table, options->scores, &error) && print_all(&table, &error);
    return ok ? EXIT_DONE : cli_fail_error(&cmd_gradebook, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"csv", 0, 0, G_OPTION_ARG_NONE, &options.is_csv, "a table that Canvas imports", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "JSON, a line a person", NULL},
        {"explain", 0, 0, G_OPTION_ARG_STRING, &options.explain, "each number of one person", "PERSON"},
        {"scores", 's', 0, G_OPTION_ARG_FILENAME, &options.scores, "scores from outside: id,midterm,lectures,...",
         "CSV"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_gradebook, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = argc == 1 ? show(&options) : cli_fail(&cmd_gradebook, EXIT_USAGE, "takes no argument, only options");
    g_free(options.explain);
    g_free(options.scores);
    g_free(options.config_path);
    return status;
}

const Command cmd_gradebook = {"gradebook", "[--csv|--json|--explain PERSON]",
                               "everybody's grade, and how it came about", run};
