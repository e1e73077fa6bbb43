/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A book of 10,000 lines, tampered with as by somebody who has its file: columns through a connection that refuses
 * nothing, and the file's own bytes below SQLite. What is changed is found, or the book reads as before (a byte that
 * nothing uses). The exported heads find what a chain cannot: an end that was cut off.
 *
 * All places are drawn by a printed seed ($RUBRIC_SEED gives one). $RUBRIC_TAMPERINGS multiplies how many (default 1).
 */
#include "tests/unit/run_suite.h"
#include "tests/unit/tokens/fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

enum { N_LINES = 10000, N_TEXTS = 6, N_COLUMNS = 11, N_BYTE_VALUES = 256 };

static const char *const columns[N_COLUMNS] = {"account",       "kind",         "assignment", "reason",
                                               "previous_hash", "hash",         "booked_us",  "amount_milli",
                                               "submission_id", "corrects_seq", "seq"};

static char *folder, *path;
static GBytes *book; /* the file as it should be */
static char *head;
static Store *store;
static sqlite3 *db;
static GRand *generator;
static gint64 scale = 1;

static gint64 number_of(const char *name, gint64 fallback)
{
    const char *text = g_getenv(name);
    return text ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

/* ---- the book --------------------------------------------------------------------------------------------------- */

static void append(Store *into, gint64 number)
{
    g_autofree char *account = g_strdup_printf("%s:%" G_GINT64_FORMAT, number % 3 ? "person" : "team", number % 400);
    g_autofree char *reason = g_strdup_printf("Line %" G_GINT64_FORMAT ": M\xc3\xa4rz, 1 started day late.", number);
    bool is_pool = number < 2000;
    LedgerRow row = {.booked_us = 1663800000000000 + number * 1000,
                     .account = account,
                     .amount_milli = is_pool ? 7000 : -500,
                     .kind = (char *)(is_pool ? "grant" : "charge"),
                     .assignment = (char *)(is_pool ? NULL : "h1"),
                     .submission_id = is_pool ? 0 : number,
                     .reason = reason};
    ck_assert_good(ledger_append(into, &row, error));
}

static void make_book(void)
{
    folder = g_dir_make_tmp("rubric-tampering-XXXXXX", NULL);
    path = g_build_filename(folder, "store.db", NULL);
    scale = number_of("RUBRIC_TAMPERINGS", 1);
    guint32 seed = (guint32)number_of("RUBRIC_SEED", g_random_int());
    generator = g_rand_new_with_seed(seed);
    printf("seed %u\n", seed);
    store = store_open(path, NULL);
    ck_assert_good(store_begin(store, error));
    for (gint64 i = 0; i < N_LINES; i++)
        append(store, i);
    ck_assert_good(store_commit(store, error));
    ck_assert_good(ledger_verify(store, NULL, &head, error));
    g_clear_pointer(&store, store_close); /* all is in the one file now */
    char *bytes;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    book = g_bytes_new_take(bytes, length);
    fflush(stdout);
}

static void remove_book(void)
{
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(path);
    g_free(head);
    g_bytes_unref(book);
    g_rand_free(generator);
}

static void open_book(void)
{
    store = store_open(path, NULL);
    ck_assert_ptr_nonnull(store);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db,
                     "PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; DROP TRIGGER ledger_no_update;"
                     " DROP TRIGGER ledger_no_delete; DROP TRIGGER ledger_in_order",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

static void write_book(gsize at, guint8 other)
{
    gsize length;
    g_autofree guint8 *bytes = g_memdup2(g_bytes_get_data(book, &length), g_bytes_get_size(book));
    if (at < length)
        bytes[at] = other;
    file_autofd int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
}

static void close_book(void)
{
    g_clear_pointer(&store, store_close);
    sqlite3_close(db);
    db = NULL;
    write_book(g_bytes_get_size(book), 0);
}

static gint64 draw(gint64 n)
{
    return (gint64)(g_rand_double(generator) * (double)n);
}

/* The children of Check each get the generator as it was: their places differ by what they draw from it first. */
static void turn_generator(guint n)
{
    for (guint i = 0; i < n; i++)
        g_rand_int(generator);
}

static void run_sql(const char *sql)
{
    char *message = NULL;
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql, message);
}

G_GNUC_PRINTF(1, 2) static void run(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *sql = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    run_sql(sql);
}

static void check_found(const char *what, gint64 line)
{
    g_autoptr(GError) error = NULL;
    ck_assert_msg(!ledger_verify(store, NULL, NULL, &error), "not found: %s of line %" G_GINT64_FORMAT, what, line);
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID), "%s", error->message);
}

static void check_as_before(void)
{
    g_autofree char *now = NULL;
    ck_assert_good(ledger_verify(store, NULL, &now, error));
    ck_assert_str_eq(now, head);
}

/* ---- single bytes of a line ------------------------------------------------------------------------------------- */

typedef struct {
    gint64 seq;
    char *texts[N_TEXTS]; /* NULL: absent */
    gint64 numbers[N_COLUMNS - N_TEXTS];
} Line;

static void read_line(gint64 seq, Line *ret)
{
    g_autoptr(GPtrArray) lines = store_ledger_list(store, NULL, seq - 1, 1, NULL);
    ck_assert_uint_eq(lines->len, 1);
    const LedgerRow *row = g_ptr_array_index(lines, 0);
    *ret = (Line){seq,
                  {g_strdup(row->account), g_strdup(row->kind), g_strdup(row->assignment), g_strdup(row->reason),
                   g_strdup(row->previous_hash), g_strdup(row->hash)},
                  {row->booked_us, row->amount_milli, row->submission_id, row->corrects_seq, row->seq}};
}

static void line_clear(Line *line)
{
    for (gsize i = 0; i < N_TEXTS; i++)
        g_free(line->texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

static gsize n_bytes(const Line *line, gsize column)
{
    if (column >= N_TEXTS)
        return sizeof(gint64);
    return line->texts[column] ? strlen(line->texts[column]) : 0;
}

/* Writes one column with one byte exchanged, or (other < 0) as it was. `where` is the seq that the line has now. */
static bool write_column(const Line *line, gsize column, gsize at, int other, gint64 where)
{
    g_autofree char *sql = g_strdup_printf("UPDATE ledger SET %s = ?1 WHERE seq = ?2", columns[column]);
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    guint8 bytes[1024];
    gsize length = n_bytes(line, column);
    g_assert(length < sizeof bytes);
    if (column < N_TEXTS) {
        memcpy(bytes, line->texts[column], length);
        if (other >= 0)
            bytes[at] = (guint8)other;
        sqlite3_bind_text(statement, 1, (const char *)bytes, (int)length, SQLITE_TRANSIENT);
    } else {
        gint64 number = line->numbers[column - N_TEXTS];
        memcpy(bytes, &number, length);
        if (other >= 0)
            bytes[at] = (guint8)other;
        memcpy(&number, bytes, length);
        sqlite3_bind_int64(statement, 1, number);
    }
    sqlite3_bind_int64(statement, 2, where);
    bool is_written = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return is_written;
}

static guint8 byte_of(const Line *line, gsize column, gsize at)
{
    if (column < N_TEXTS)
        return (guint8)line->texts[column][at];
    return ((const guint8 *)&line->numbers[column - N_TEXTS])[at];
}

/* false: SQLite itself would not hold it (a line of that seq is there already). */
static bool change_byte(const Line *line, gsize column, gsize at, int other)
{
    if (!write_column(line, column, at, other, line->seq))
        return false;
    check_found(columns[column], line->seq);
    gint64 where = line->seq;
    if (column == N_COLUMNS - 1) {
        guint8 *bytes = (guint8 *)&where;
        bytes[at] = (guint8)other;
    }
    ck_assert(write_column(line, column, 0, -1, where));
    return true;
}

typedef enum { ONE_VALUE, EVERY_BIT, EVERY_VALUE } Values;

/* Each byte of a line is xor'ed with these, one at a time. */
static gint64 change_line(gint64 seq, Values values)
{
    g_auto(Line) line;
    gint64 n_changes = 0;
    read_line(seq, &line);
    for (gsize column = 0; column < N_COLUMNS; column++) {
        for (gsize at = 0; at < n_bytes(&line, column); at++) {
            guint8 now = byte_of(&line, column, at);
            int first = values == ONE_VALUE ? 1 + (int)draw(N_BYTE_VALUES - 1) : 1;
            int last = values == ONE_VALUE ? first : N_BYTE_VALUES - 1;
            for (int by = first; by <= last; by = values == EVERY_VALUE ? by + 1 : by * 2)
                n_changes += change_byte(&line, column, at, now ^ by);
        }
    }
    return n_changes;
}

/* A line's place costs time, since the chain is walked up to it: the sample of whole lines is of the first ones. */
START_TEST(every_change_of_every_byte_of_a_line_is_found)
{
    turn_generator(1);
    const gint64 n_lines = scale > 1 ? 4 : 1, among = 200;
    for (gint64 i = 0; i < n_lines; i++) {
        gint64 seq = i == 1 ? 1 : 1 + draw(among);
        gint64 n_changes = change_line(seq, scale > 1 ? EVERY_VALUE : EVERY_BIT);
        printf("line %" G_GINT64_FORMAT ", each byte to %s: all of %" G_GINT64_FORMAT " changes found\n", seq,
               scale > 1 ? "each of the 255 others" : "what differs by one bit", n_changes);
    }
    check_as_before();
}
END_TEST

START_TEST(a_changed_byte_is_found_wherever_it_stands)
{
    turn_generator(2);
    const gint64 n_changes = 60 * scale;
    g_autoptr(GString) places = g_string_new(NULL);
    for (gint64 i = 0; i < n_changes;) {
        g_auto(Line) line;
        gint64 seq = i == 0 ? N_LINES : 1 + draw(N_LINES);
        read_line(seq, &line);
        gsize column = (gsize)draw(N_COLUMNS);
        gsize at = (gsize)draw((gint64)n_bytes(&line, column));
        if (n_bytes(&line, column) == 0 ||
            !change_byte(&line, column, at,
                         (byte_of(&line, column, at) + 1 + (int)draw(N_BYTE_VALUES - 1)) % N_BYTE_VALUES))
            continue;
        if (i++ < 20)
            g_string_append_printf(places, " %" G_GINT64_FORMAT ":%s[%zu]", seq, columns[column], at);
    }
    if (scale > 1) /* one whole line from anywhere */
        change_line(1 + draw(N_LINES), ONE_VALUE);
    printf("%" G_GINT64_FORMAT " changes found:%s ...\n", n_changes, places->str);
    check_as_before();
}
END_TEST

START_TEST(bytes_hidden_behind_a_zero_are_found)
{
    for (gsize column = 0; column < N_TEXTS; column++) {
        g_auto(Line) line;
        const gint64 seq = 4000;
        read_line(seq, &line);
        run("UPDATE ledger SET %s = %s || char(0) || 'more' WHERE seq = 4000", columns[column], columns[column]);
        check_found(columns[column], seq);
        write_column(&line, column, 0, -1, seq);
    }
    check_as_before();
}
END_TEST

/* ---- whole lines ------------------------------------------------------------------------------------------------ */

static void keep_line(gint64 seq)
{
    run("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM ledger WHERE seq = %" G_GINT64_FORMAT, seq);
}

static void delete_and_put_back(gint64 seq)
{
    keep_line(seq);
    run("DELETE FROM ledger WHERE seq = %" G_GINT64_FORMAT, seq);
    check_found("removal", seq);
    run("INSERT INTO ledger SELECT * FROM kept");
}

static void exchange(const char *what, gint64 a, gint64 b)
{
    run("UPDATE ledger SET seq = -1 WHERE seq = %" G_GINT64_FORMAT "; UPDATE ledger SET seq = %" G_GINT64_FORMAT
        " WHERE seq = %" G_GINT64_FORMAT "; UPDATE ledger SET seq = %" G_GINT64_FORMAT " WHERE seq = -1",
        a, a, b, b);
    if (what)
        check_found(what, a);
}

static void exchange_hashes(const char *what, gint64 a, gint64 b)
{
    run("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT seq, hash FROM ledger WHERE seq IN (%" G_GINT64_FORMAT
        ", %" G_GINT64_FORMAT "); UPDATE ledger SET hash = (SELECT hash FROM kept WHERE kept.seq <> ledger.seq)"
        " WHERE seq IN (%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ")",
        a, b, a, b);
    if (what)
        check_found(what, a);
}

/* A copy of another line, at the place of `seq`, with what stood there moved up. */
static void insert_and_take_out(gint64 seq, gint64 from)
{
    run("UPDATE ledger SET seq = -seq - 1 WHERE seq >= %" G_GINT64_FORMAT
        "; UPDATE ledger SET seq = -seq WHERE seq < 0; INSERT INTO ledger SELECT %" G_GINT64_FORMAT
        ", booked_us, account, amount_milli, kind, assignment, submission_id, corrects_seq, reason, previous_hash, hash"
        " FROM ledger WHERE seq = %" G_GINT64_FORMAT,
        seq, seq, from < seq ? from : from + 1);
    check_found("insertion", seq);
    run("DELETE FROM ledger WHERE seq = %" G_GINT64_FORMAT
        "; UPDATE ledger SET seq = -seq + 1 WHERE seq > %" G_GINT64_FORMAT
        "; UPDATE ledger SET seq = -seq WHERE seq < 0",
        seq, seq);
}

/* The last line's removal leaves a good, shorter chain: that is for the heads. */
START_TEST(removed_lines_are_found)
{
    turn_generator(3);
    const gint64 n_removals = 40 * scale;
    for (gint64 i = 0; i < n_removals; i++)
        delete_and_put_back(i == 0 ? N_LINES - 1 : 1 + draw(N_LINES - 1));
    printf("%" G_GINT64_FORMAT " lines removed and missed\n", n_removals);
    check_as_before();
}
END_TEST

START_TEST(exchanged_lines_and_exchanged_hashes_are_found)
{
    turn_generator(4);
    const gint64 n_exchanges = 20 * scale;
    for (gint64 i = 0; i < n_exchanges; i++) {
        gint64 a = 1 + draw(N_LINES - 1), b = a + 1 + (i % 2 ? draw(N_LINES - a) : 0);
        exchange("exchange", a, b);
        exchange(NULL, a, b);
        exchange_hashes("exchanged hash", a, b);
        exchange_hashes(NULL, a, b);
    }
    printf("%" G_GINT64_FORMAT " pairs of lines exchanged and found\n", n_exchanges);
    check_as_before();
}
END_TEST

START_TEST(inserted_lines_are_found)
{
    turn_generator(5);
    const gint64 n_insertions = 8 * scale;
    for (gint64 i = 0; i < n_insertions; i++)
        insert_and_take_out(1 + draw(N_LINES), 1 + draw(N_LINES - 1));
    printf("%" G_GINT64_FORMAT " lines inserted and found\n", n_insertions);
    check_as_before();
}
END_TEST

/* ---- the file's bytes ------------------------------------------------------------------------------------------- */

/* Which lines a reader gets, not only whether they chain. NULL: refused, at opening or by the check. */
static char *read_book(void)
{
    g_autoptr(Store) opened = store_open(path, NULL);
    gint64 n_lines = 0;
    char *found = NULL;
    if (opened && ledger_verify(opened, &n_lines, &found, NULL) && n_lines != N_LINES)
        g_clear_pointer(&found, g_free);
    return found;
}

START_TEST(a_changed_byte_of_the_file_is_found_or_changes_no_line)
{
    turn_generator(6);
    gint64 n_refused = 0, n_bytes_changed = 40 * scale;
    gsize length;
    const guint8 *bytes = g_bytes_get_data(book, &length);
    for (gint64 i = 0; i < n_bytes_changed; i++) {
        /* Headers of the file and its schema each other time, else anywhere. */
        gsize at = (gsize)draw(i % 8 == 0 ? 4096 : (gint64)length);
        guint8 other = (guint8)(bytes[at] + 1 + draw(N_BYTE_VALUES - 1));
        write_book(at, other);
        g_autofree char *found = read_book();
        ck_assert_msg(!found || strcmp(found, head) == 0, "byte %zu as %d: another book that chains", at, other);
        n_refused += found == NULL;
        g_autofree char *wal = g_strconcat(path, "-wal", NULL), *shm = g_strconcat(path, "-shm", NULL);
        unlink(wal);
        unlink(shm);
    }
    write_book(length, 0);
    printf("%" G_GINT64_FORMAT " bytes of the file's %zu changed: %" G_GINT64_FORMAT
           " found, the others are used by no line\n",
           n_bytes_changed, length, n_refused);
    g_autofree char *as_before = read_book();
    ck_assert_str_eq(as_before, head);
    ck_assert_int_gt(n_refused, n_bytes_changed / 2);
}
END_TEST

/* ---- the exported heads ----------------------------------------------------------------------------------------- */

typedef struct {
    char *folder, *key, *public, *newest;
} Heads;

static void heads_clear(Heads *heads)
{
    g_free(heads->folder);
    g_free(heads->key);
    g_free(heads->public);
    g_free(heads->newest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Heads, heads_clear)

/* Two: of the book as it is, and of ten lines more. */
static void export_heads(Heads *heads, char **ret_older)
{
    heads->folder = g_build_filename(folder, "heads", NULL);
    heads->key = g_build_filename(folder, "ledger.key", NULL);
    heads->public = g_strconcat(heads->key, ".pub", NULL);
    file_remove_tree(heads->folder, NULL);
    unlink(heads->key);
    ck_assert_good(ledger_make_key(heads->key, error));
    ck_assert_good(ledger_export_head(store, "fall", heads->folder, heads->key, ret_older, error));
    for (gint64 i = 0; i < 10; i++)
        append(store, N_LINES + i % 2);
    ck_assert_good(ledger_export_head(store, "fall", heads->folder, heads->key, &heads->newest, error));
    guint n;
    ck_assert_good(ledger_verify_heads(store, heads->folder, heads->public, &n, error));
    ck_assert_uint_eq(n, 2);
}

static void check_heads_refused(const Heads *heads, const char *message)
{
    guint n;
    g_autoptr(GError) error = NULL;
    ck_assert(!ledger_verify_heads(store, heads->folder, heads->public, &n, &error));
    ck_assert_msg(strstr(error->message, message) != NULL, "\"%s\" is not in \"%s\"", message, error->message);
}

static void copy_head(const char *from, const char *to)
{
    static const char *const ends[] = {"", ".sig"};
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *source = g_strconcat(from, ends[i], NULL), *target = g_strconcat(to, ends[i], NULL);
        g_autofree char *bytes = NULL;
        gsize length;
        ck_assert(g_file_get_contents(source, &bytes, &length, NULL));
        ck_assert(g_file_set_contents(target, bytes, (gssize)length, NULL));
    }
}

START_TEST(a_cut_end_is_found_by_the_heads)
{
    g_auto(Heads) heads = {0};
    g_autofree char *older = NULL;
    export_heads(&heads, &older);
    run("DELETE FROM ledger WHERE seq > %d", N_LINES + 9);
    ck_assert_good(ledger_verify(store, NULL, NULL, error)); /* shorter, and a chain all the same */
    check_heads_refused(&heads, "the end of the ledger was cut off");
    run("DELETE FROM ledger WHERE seq > 1");
    check_heads_refused(&heads, "the end of the ledger was cut off");
    run("DELETE FROM ledger");
    check_heads_refused(&heads, "the end of the ledger was cut off");
}
END_TEST

/* An older head in a newer one's place would hide that the end was cut off: it is signed, and in the chain. */
START_TEST(an_older_head_under_a_newer_name_is_found)
{
    g_auto(Heads) heads = {0};
    g_autofree char *older = NULL;
    export_heads(&heads, &older);
    run("DELETE FROM ledger WHERE seq > %d", N_LINES);
    copy_head(older, heads.newest);
    check_heads_refused(&heads, "is the head of another day or length");
}
END_TEST

static gint64 change_file(const Heads *heads, const char *name)
{
    g_autofree char *bytes = NULL;
    gsize length;
    gint64 n_changes = 0;
    ck_assert(g_file_get_contents(name, &bytes, &length, NULL));
    for (gsize at = 0; at < length; at++) {
        guint8 now = (guint8)bytes[at];
        int first = scale > 1 ? 1 : 1 + (int)draw(N_BYTE_VALUES - 1), last = scale > 1 ? N_BYTE_VALUES - 1 : first;
        for (int by = first; by <= last; by++, n_changes++) {
            bytes[at] = (char)(now ^ by);
            file_autofd int fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);
            ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
            ck_assert_msg(!ledger_verify_file(heads->public, heads->newest, NULL), "%s[%zu]", name, at);
        }
        bytes[at] = (char)now;
    }
    ck_assert(g_file_set_contents(name, bytes, (gssize)length, NULL));
    return n_changes;
}

START_TEST(every_changed_byte_of_a_signed_file_is_found)
{
    g_auto(Heads) heads = {0};
    g_autofree char *older = NULL;
    export_heads(&heads, &older);
    g_autofree char *signature = g_strconcat(heads.newest, ".sig", NULL);
    gint64 n_of_text = change_file(&heads, heads.newest);
    gint64 n_of_signature = change_file(&heads, signature);
    printf("head: %" G_GINT64_FORMAT " changes of its bytes and %" G_GINT64_FORMAT " of its signature's found\n",
           n_of_text, n_of_signature);
    guint n;
    ck_assert_good(ledger_verify_heads(store, heads.folder, heads.public, &n, error));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("tampering");
    const double timeout_s = 7200;
    tcase_set_timeout(tcase, timeout_s);
    tcase_add_unchecked_fixture(tcase, make_book, remove_book);
    tcase_add_checked_fixture(tcase, open_book, close_book);
    tcase_add_test(tcase, every_change_of_every_byte_of_a_line_is_found);
    tcase_add_test(tcase, a_changed_byte_is_found_wherever_it_stands);
    tcase_add_test(tcase, bytes_hidden_behind_a_zero_are_found);
    tcase_add_test(tcase, removed_lines_are_found);
    tcase_add_test(tcase, exchanged_lines_and_exchanged_hashes_are_found);
    tcase_add_test(tcase, inserted_lines_are_found);
    tcase_add_test(tcase, a_cut_end_is_found_by_the_heads);
    tcase_add_test(tcase, an_older_head_under_a_newer_name_is_found);
    tcase_add_test(tcase, every_changed_byte_of_a_signed_file_is_found);

    TCase *file_tcase = tcase_create("the file's bytes");
    tcase_set_timeout(file_tcase, timeout_s);
    tcase_add_unchecked_fixture(file_tcase, make_book, remove_book);
    tcase_add_test(file_tcase, a_changed_byte_of_the_file_is_found_or_changes_no_line);

    Suite *suite = suite_create("tampering with the ledger");
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, file_tcase);
    return run_suite(suite);
}
