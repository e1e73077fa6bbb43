/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures over heads of the ledger and receipts: Ed25519 by OpenSSL, keys as PEM files, so that `openssl` checks
 * them. */
#include "daemon/tokens/tokens.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

static const gsize max_key_bytes = 4096;

static bool write_pem(BIO *bio, const char *path, int mode, GError **error)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    return file_write_atomic(path, bytes, (gsize)length, (guint)mode, error);
}

static EVP_PKEY *read_key(const char *path, bool is_public, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    if (!file_read(path, max_key_bytes, &text, &length, error))
        return NULL;
    g_autoptr(BIO) bio = BIO_new_mem_buf(text, (int)length);
    EVP_PKEY *key =
        is_public ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    memset(text, 0, length);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return key;
    EVP_PKEY_free(key);
    error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no %s Ed25519 key in PEM", path,
              is_public ? "public" : "private");
    return NULL;
}

static bool write_public(EVP_PKEY *key, const char *path, GError **error)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_PUBKEY(bio, key))
        return error_set(error, RUBRIC_ERROR_SYSTEM, "openssl cannot write a public key");
    const int for_everybody = 0644;
    return write_pem(bio, path, for_everybody, error);
}

bool ledger_make_key(const char *path, GError **error)
{
    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return error_set(error, RUBRIC_ERROR_DENIED, "\"%s\" is there already: an old key is never overwritten", path);
    g_autoptr(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    g_autofree char *public_path = g_strconcat(path, ".pub", NULL);
    const int for_owner = 0600;
    if (!key || !bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        return error_set(error, RUBRIC_ERROR_SYSTEM, "openssl cannot make an Ed25519 key");
    return write_pem(bio, path, for_owner, error) && write_public(key, public_path, error);
}

bool ledger_write_public(const char *key_path, const char *public_path, GError **error)
{
    g_autoptr(EVP_PKEY) key = read_key(key_path, false, error);
    return key && write_public(key, public_path, error);
}

bool ledger_sign_file(const char *key_path, const char *path, const char *bytes, gsize length, GError **error)
{
    guint8 signature[64];
    size_t n = sizeof signature;
    g_autoptr(EVP_PKEY) key = read_key(key_path, false, error);
    g_autoptr(EVP_MD_CTX) context = key ? EVP_MD_CTX_new() : NULL;
    if (!key)
        return false;
    if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &n, (const guint8 *)bytes, length) != 1)
        return error_set(error, RUBRIC_ERROR_SYSTEM, "openssl cannot sign with \"%s\"", key_path);
    g_autofree char *signature_path = g_strconcat(path, ".sig", NULL);
    const int for_everybody = 0644;
    return file_write_atomic(signature_path, (const char *)signature, n, for_everybody, error) &&
           file_write_atomic(path, bytes, length, for_everybody, error);
}

bool ledger_verify_file(const char *public_path, const char *path, GError **error)
{
    const gsize max_bytes = 1 << 20;
    g_autofree char *bytes = NULL, *signature = NULL;
    g_autofree char *signature_path = g_strconcat(path, ".sig", NULL);
    gsize length, n;
    g_autoptr(EVP_PKEY) key = read_key(public_path, true, error);
    if (!key || !file_read(path, max_bytes, &bytes, &length, error) ||
        !file_read(signature_path, max_key_bytes, &signature, &n, error))
        return false;
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    bool is_good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                   EVP_DigestVerify(context, (const guint8 *)signature, n, (const guint8 *)bytes, length) == 1;
    return is_good || error_set(error, RUBRIC_ERROR_INVALID,
                                "\"%s\" was not signed with the key of \"%s\", or was changed", path, public_path);
}

/* ---- heads ------------------------------------------------------------------------------------------------------ */

static char *head_name(const char *when, gint64 n_lines)
{
    return g_strdup_printf("head-%.10s-%" G_GINT64_FORMAT ".txt", when, n_lines);
}

/* One a day and length of the ledger: what was written once stays, so that a signature never belongs to another text.
 */
bool ledger_export_head(Store *store, const char *course, const char *folder, const char *key_path, char **ret_path,
                        GError **error)
{
    g_autoptr(LedgerRow) last = NULL;
    if (!store_ledger_last(store, &last, error))
        return false;
    gint64 n_lines = last ? last->seq : 0;
    g_autofree char *when = clock_format_utc(clock_now_us());
    g_autofree char *text =
        g_strdup_printf("rubricd-ledger-head 1\ncourse %s\nlines %" G_GINT64_FORMAT "\nhead %s\nexported %s\n", course,
                        n_lines, last ? last->hash : ledger_no_hash, when);
    g_autofree char *name = head_name(when, n_lines);
    const int for_everybody = 0755;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!file_make_folder(folder, for_everybody, error))
        return false;
    bool is_there = g_file_test(path, G_FILE_TEST_EXISTS);
    if (!is_there && !ledger_sign_file(key_path, path, text, strlen(text), error))
        return false;
    *ret_path = g_steal_pointer(&path);
    return true;
}

typedef struct {
    guint64 n_lines;
    const char *head, *exported; /* in `fields` */
    char **fields;
} Head;

static void head_clear(Head *head)
{
    g_strfreev(head->fields);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Head, head_clear)

static bool read_head(const char *path, Head *ret, GError **error)
{
    const gsize max_bytes = 4096;
    g_autofree char *text = NULL;
    if (!file_read(path, max_bytes, &text, NULL, error))
        return false;
    *ret = (Head){.fields = g_strsplit(text, "\n", -1)};
    bool has_lines = false;
    for (guint i = 0; ret->fields[i]; i++) {
        const char *field = ret->fields[i];
        if (g_str_has_prefix(field, "lines "))
            has_lines = g_ascii_string_to_unsigned(field + strlen("lines "), 10, 0, G_MAXINT64, &ret->n_lines, NULL);
        if (g_str_has_prefix(field, "head "))
            ret->head = field + strlen("head ");
        if (g_str_has_prefix(field, "exported "))
            ret->exported = field + strlen("exported ");
    }
    return (has_lines && ret->head && ret->exported) ||
           error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no head of a ledger", path);
}

/* Is the head in the ledger of now? */
static bool find_head(Store *store, const char *path, gint64 n_lines, const char *head, GError **error)
{
    g_autoptr(GPtrArray) lines = n_lines > 0 ? store_ledger_list(store, NULL, n_lines - 1, 1, error) : NULL;
    if (n_lines > 0 && !lines)
        return false;
    const LedgerRow *line = lines && lines->len > 0 ? g_ptr_array_index(lines, 0) : NULL;
    if (n_lines > 0 && (!line || line->seq != n_lines))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "\"%s\" says that there were %" G_GINT64_FORMAT " lines: the end of the ledger was cut off",
                         path, n_lines);
    return strcmp(line ? line->hash : ledger_no_hash, head) == 0 ||
           error_set(error, RUBRIC_ERROR_INVALID,
                     "\"%s\" gives another hash of line %" G_GINT64_FORMAT ": the ledger was rewritten", path, n_lines);
}

/* An older head in a newer one's place is signed and in the chain, and would hide that the end was cut off. */
static bool verify_name(const char *path, const Head *head, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *expected = head_name(head->exported, (gint64)head->n_lines);
    return strcmp(name, expected) == 0 ||
           error_set(error, RUBRIC_ERROR_INVALID,
                     "\"%s\" is the head of another day or length: its text belongs into \"%s\"", path, expected);
}

static bool verify_head(Store *store, const char *path, const char *public_path, GError **error)
{
    g_auto(Head) head = {0};
    return (!public_path || ledger_verify_file(public_path, path, error)) && read_head(path, &head, error) &&
           find_head(store, path, (gint64)head.n_lines, head.head, error) && verify_name(path, &head, error);
}

bool ledger_verify_heads(Store *store, const char *folder, const char *public_path, guint *ret_n, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (!dir)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no folder \"%s\"", folder);
    *ret_n = 0;
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        if (!g_str_has_prefix(name, "head-") || !g_str_has_suffix(name, ".txt"))
            continue;
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (!verify_head(store, path, public_path, error))
            return false;
        (*ret_n)++;
    }
    return true;
}
