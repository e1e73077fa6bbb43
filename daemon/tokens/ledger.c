/* SPDX-License-Identifier: Apache-2.0 */
/* The hash chain. docs/formats.md has the canonical form byte by byte; change neither without the other, nor ever. */
#include "daemon/tokens/tokens.h"

#include <string.h>

const char ledger_no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* "<name> <length>:<bytes>\n": the length makes every text unambiguous, whatever bytes it holds. */
static void add_text(GString *bytes, const char *name, const char *text)
{
    if (!text) {
        g_string_append_printf(bytes, "%s -\n", name);
        return;
    }
    g_string_append_printf(bytes, "%s %zu:", name, strlen(text));
    g_string_append(bytes, text);
    g_string_append_c(bytes, '\n');
}

static void add_number(GString *bytes, const char *name, gint64 number)
{
    g_string_append_printf(bytes, "%s %" G_GINT64_FORMAT "\n", name, number);
}

GString *ledger_canonical(const LedgerRow *row)
{
    GString *bytes = g_string_new("rubricd-ledger 1\n");
    add_text(bytes, "previous", row->previous_hash);
    add_number(bytes, "seq", row->seq);
    add_number(bytes, "booked_us", row->booked_us);
    add_text(bytes, "account", row->account);
    add_number(bytes, "amount_milli", row->amount_milli);
    add_text(bytes, "kind", row->kind);
    add_text(bytes, "assignment", row->assignment);
    add_number(bytes, "submission", row->submission_id);
    add_number(bytes, "corrects", row->corrects_seq);
    add_text(bytes, "reason", row->reason);
    return bytes;
}

static char *hash_line(const LedgerRow *row)
{
    GString *bytes = ledger_canonical(row);
    char *hash = file_sha256_bytes(bytes->str, bytes->len);
    g_string_free(bytes, TRUE);
    return hash;
}

bool ledger_append(Store *store, const LedgerRow *row, GError **error)
{
    g_autoptr(LedgerRow) last = NULL;
    if (!store_ledger_last(store, &last, error))
        return false;
    LedgerRow line = *row;
    line.seq = last ? last->seq + 1 : 1;
    line.previous_hash = last ? last->hash : (char *)ledger_no_hash;
    g_autofree char *hash = hash_line(&line);
    line.hash = hash;
    return store_ledger_insert(store, &line, error);
}

/* ---- verification ----------------------------------------------------------------------------------------------- */

typedef struct {
    gint64 n_lines, lowest_milli;
    char *head;
    GHashTable *balances;    /* account -> gint64* */
    GHashTable *accounts_of; /* seq -> account of a line, for corrections */
} Walk;

static void walk_clear(Walk *walk)
{
    g_free(walk->head);
    g_hash_table_destroy(walk->balances);
    g_hash_table_destroy(walk->accounts_of);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static bool bad_line(const LedgerRow *row, const char *what, GError **error)
{
    return error_set(error, RUBRIC_ERROR_INVALID, "ledger line %" G_GINT64_FORMAT " %s", row->seq, what);
}

static bool add_to_balance(Walk *walk, const LedgerRow *row, GError **error)
{
    gint64 *balance = g_hash_table_lookup(walk->balances, row->account);
    if (!balance) {
        balance = g_new0(gint64, 1);
        g_hash_table_insert(walk->balances, g_strdup(row->account), balance);
    }
    if (__builtin_add_overflow(*balance, row->amount_milli, balance))
        return bad_line(row, "has an impossible amount", error);
    return *balance >= walk->lowest_milli || bad_line(row, "leaves its account below zero", error);
}

static bool verify_correction(Walk *walk, const LedgerRow *row, GError **error)
{
    gint64 *key = g_memdup2(&row->seq, sizeof row->seq);
    g_hash_table_insert(walk->accounts_of, key, g_strdup(row->account));
    if (row->corrects_seq == 0)
        return true;
    const char *account =
        row->corrects_seq < row->seq ? g_hash_table_lookup(walk->accounts_of, &row->corrects_seq) : NULL;
    return g_strcmp0(account, row->account) == 0 ||
           bad_line(row, "corrects a line that is not an earlier one of its account", error);
}

/* What the table forbids, a damaged file can hold all the same. */
static bool is_whole(const LedgerRow *row)
{
    return row->account && row->kind && row->reason && row->previous_hash && row->hash;
}

static bool verify_line(Walk *walk, const LedgerRow *row, GError **error)
{
    if (!is_whole(row))
        return bad_line(row, "was changed after it was written: a part of it is missing", error);
    if (row->seq != walk->n_lines + 1)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "ledger line %" G_GINT64_FORMAT " is missing: the next one is %" G_GINT64_FORMAT,
                         walk->n_lines + 1, row->seq);
    if (strcmp(row->previous_hash, walk->head) != 0)
        return bad_line(row, "does not follow the line before it: a line was removed, inserted or exchanged", error);
    g_autofree char *hash = hash_line(row);
    if (strcmp(row->hash, hash) != 0)
        return bad_line(row, "was changed after it was written: its hash does not fit its content", error);
    if (!verify_correction(walk, row, error) || !add_to_balance(walk, row, error))
        return false;
    g_free(walk->head);
    walk->head = g_steal_pointer(&hash);
    walk->n_lines++;
    return true;
}

/* Sums come by another way (an index) than lines do. */
static bool verify_balances(Store *store, Walk *walk, GError **error)
{
    GHashTableIter each;
    gpointer account, balance;
    g_hash_table_iter_init(&each, walk->balances);
    while (g_hash_table_iter_next(&each, &account, &balance)) {
        gint64 booked_milli;
        if (!store_ledger_balance(store, account, &booked_milli, error))
            return false;
        if (booked_milli != *(gint64 *)balance)
            return error_set(error, RUBRIC_ERROR_INVALID,
                             "the balance of \"%s\" is kept as %" G_GINT64_FORMAT
                             " thousandths, but its lines sum up to %" G_GINT64_FORMAT,
                             (char *)account, booked_milli, *(gint64 *)balance);
    }
    return true;
}

static bool verify_lines(Store *store, Walk *walk, GError **error)
{
    const guint page = 1000;
    for (;;) {
        /* From below zero at first: a line that somebody put before line 1 is to be seen. */
        gint64 after_seq = walk->n_lines > 0 ? walk->n_lines : G_MININT64;
        g_autoptr(GPtrArray) lines = store_ledger_list(store, NULL, after_seq, page, error);
        if (!lines)
            return false;
        for (guint i = 0; i < lines->len; i++) {
            if (!verify_line(walk, g_ptr_array_index(lines, i), error))
                return false;
        }
        if (lines->len < page)
            return true;
    }
}

/* The daemon may write meanwhile: then the sums are ahead of the walk, which goes on and compares again. */
static bool verify_all(Store *store, Walk *walk, GError **error)
{
    for (;;) {
        g_autoptr(GError) mismatch = NULL;
        gint64 n_before = walk->n_lines;
        if (!verify_lines(store, walk, error))
            return false;
        if (verify_balances(store, walk, &mismatch))
            return true;
        if (walk->n_lines == n_before) {
            g_propagate_error(error, g_steal_pointer(&mismatch));
            return false;
        }
    }
}

bool ledger_verify_down_to(Store *store, gint64 lowest_milli, gint64 *ret_n_lines, char **ret_head, GError **error)
{
    g_auto(Walk) walk = {.lowest_milli = lowest_milli,
                         .head = g_strdup(ledger_no_hash),
                         .balances = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                         .accounts_of = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free)};
    if (!verify_all(store, &walk, error))
        return false;
    if (ret_n_lines)
        *ret_n_lines = walk.n_lines;
    if (ret_head)
        *ret_head = g_steal_pointer(&walk.head);
    return true;
}

bool ledger_verify(Store *store, gint64 *ret_n_lines, char **ret_head, GError **error)
{
    return ledger_verify_down_to(store, 0, ret_n_lines, ret_head, error);
}
