/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: the file, the pragmas, the migrations; and transactions.
 *
 * Many processes open the same file at once, a new one too. Whoever gets the write lock first migrates; the others wait
 * for the lock and find the version there. A kill at any instruction leaves the old version or the new one: each
 * migration and its user_version are one transaction.
 */
#include "daemon/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static const gint64 busy_timeout_us = 10 * CLOCK_SECOND_US;
/* "rubr", so that file(1) and we know whose file it is. */
static const gint64 application_id = 0x72756272;

/*
 * SQLite's own busy handler backs off to 100 ms and starves whoever came first. Short waits with jitter keep several
 * claimers about even, for a few wake-ups more.
 */
static int wait_for_lock(void *data, int n_waits)
{
    Store *store = data;
    gint64 now_us = clock_monotonic_us();
    if (n_waits == 0)
        store->busy_until_us = now_us + store->busy_timeout_us;
    if (now_us >= store->busy_until_us)
        return 0;
    store->jitter = store->jitter * 1664525u + 1013904223u;
    gulong ceiling_us = 200u * (gulong)MIN(n_waits + 1, 20);
    g_usleep(100 + (store->jitter >> 8) % ceiling_us);
    return 1;
}

static bool execute(Store *store, const char *sql, GError **error)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return sql_error_set(store, error, "opening");
}

static bool harden(Store *store, GError **error)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},   {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        if (sqlite3_db_config(store->db, options[i].option, options[i].value, NULL) != SQLITE_OK)
            return sql_error_set(store, error, "opening");
    }
    return execute(store, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY;",
                   error);
}

/* Changing to WAL wants the file for itself for a moment, and SQLite does not call the busy handler for each of its
 * steps. */
static bool set_journal(Store *store, GError **error)
{
    gint64 until_us = clock_monotonic_us() + busy_timeout_us;
    const gulong pause_us = 2000;
    while (sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) != SQLITE_OK) {
        if ((sqlite3_errcode(store->db) & 0xff) != SQLITE_BUSY || clock_monotonic_us() > until_us)
            return sql_error_set(store, error, "opening");
        g_usleep(pause_us);
    }
    return execute(store, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;", error);
}

static bool read_version(Store *store, gint64 *ret_version, GError **error)
{
    gint64 version = 0, id = 0, n_tables = 0;
    if (!sql_get_int(store, &version, error, "PRAGMA user_version") ||
        !sql_get_int(store, &id, error, "PRAGMA application_id") ||
        !sql_get_int(store, &n_tables, error, "SELECT count(*) FROM sqlite_schema"))
        return false;
    if (id != application_id && n_tables > 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "\"%s\" is an SQLite file, but not a store of rubricd; name another one", store->path);
    if (version > store_n_migrations)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "store \"%s\" was made by a newer rubricd (version %" G_GINT64_FORMAT
                         " of the store, this program knows %d); use that one",
                         store->path, version, store_n_migrations);
    *ret_version = version;
    return true;
}

static bool apply_migrations(Store *store, GError **error)
{
    gint64 version;
    if (!read_version(store, &version, error))
        return false;
    for (; version < store_n_migrations; version++) {
        g_autofree char *pragmas =
            g_strdup_printf("PRAGMA application_id = %" G_GINT64_FORMAT "; PRAGMA user_version = %" G_GINT64_FORMAT ";",
                            application_id, version + 1);
        if (!execute(store, store_migrations[version], error) || !execute(store, pragmas, error)) {
            g_prefix_error(error, "migration %" G_GINT64_FORMAT ": ", version + 1);
            return false;
        }
    }
    return true;
}

static bool migrate(Store *store, GError **error)
{
    gint64 version;
    if (!read_version(store, &version, error))
        return false;
    if (version == store_n_migrations)
        return true;
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, apply_migrations(store, error), error);
}

static bool require_current(Store *store, GError **error)
{
    gint64 version;
    if (!read_version(store, &version, error))
        return false;
    return version == store_n_migrations ||
           error_set(error, RUBRIC_ERROR_INVALID,
                     "store \"%s\" is of an older rubricd; start the daemon once to renew it", store->path);
}

static void statement_free(gpointer statement)
{
    sqlite3_finalize(statement);
}

static Store *open_file(const char *path, int flags, GError **error)
{
    g_autoptr(Store) store = g_new0(Store, 1);
    store->path = g_strdup(path);
    store->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, statement_free);
    store->busy_timeout_us = busy_timeout_us;
    store->jitter = (guint32)getpid() * 2654435761u;
    if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK) {
        g_assert(store->db); /* NULL only when there is no memory at all, and GLib has aborted by then */
        sql_error_set(store, error, "opening");
        return NULL;
    }
    sqlite3_busy_handler(store->db, wait_for_lock, store);
    return g_steal_pointer(&store);
}

/* Those that have no name in linux/magic.h are from statfs(2). */
const char *store_shared_file_system(guint32 magic)
{
    static const struct {
        guint32 magic;
        const char *name;
    } shared[] = {
        {NFS_SUPER_MAGIC, "NFS"}, {SMB_SUPER_MAGIC, "SMB"},   {0xff534d42, "CIFS"},     {0xfe534d42, "SMB 2"},
        {V9FS_MAGIC, "9p"},       {0x65735546, "FUSE"},       {AFS_SUPER_MAGIC, "AFS"}, {0x6b414653, "AFS"},
        {0x00c36400, "Ceph"},     {CODA_SUPER_MAGIC, "Coda"}, {0x0bd00bd0, "Lustre"},   {0x47504653, "GPFS"},
        {0x01161970, "GFS2"},     {0x7461636f, "OCFS2"},      {NCP_SUPER_MAGIC, "NCP"}, {0x786f4256, "vboxsf"},
        {0xbacbacbc, "VMware's"}, {0x6a656a62, "vmblock's"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(shared); i++) {
        if (shared[i].magic == magic)
            return shared[i].name;
    }
    return NULL;
}

/* SQLite's WAL is a file and memory that all its processes share: true on one machine only. Elsewhere two machines
 * would each believe that they hold the lock, and both charge. */
static bool require_local(int fd, const char *path, GError **error)
{
    struct statfs system;
    if (fstatfs(fd, &system) < 0)
        return error_set_errno(error, errno, "cannot tell the file system of the store \"%s\"", path);
    const char *name = store_shared_file_system((guint32)system.f_type);
    return !name || error_set(error, RUBRIC_ERROR_INVALID,
                              "the store \"%s\" is on a file system that other machines may share (%s), where locks do "
                              "not keep two of "
                              "them apart; put the state folder on a disk of this machine",
                              path, name);
}

/* The file is ours from the first moment: what students handed in is for no other user to read. */
static bool make_file(const char *path, GError **error)
{
    const mode_t private_mode = 0640;
    file_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, private_mode);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the store \"%s\"", path);
    return require_local(fd, path, error);
}

static bool find_file(const char *path, GError **error)
{
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot read the store \"%s\"", path);
    return require_local(fd, path, error);
}

Store *store_open(const char *path, GError **error)
{
    if (!make_file(path, error))
        return NULL;
    g_autoptr(Store) store = open_file(path, SQLITE_OPEN_READWRITE, error);
    if (!store || !harden(store, error) || !set_journal(store, error) || !migrate(store, error))
        return NULL;
    return g_steal_pointer(&store);
}

Store *store_open_readonly(const char *path, GError **error)
{
    if (!find_file(path, error))
        return NULL;
    g_autoptr(Store) store = open_file(path, SQLITE_OPEN_READONLY, error);
    if (!store || !harden(store, error) || !require_current(store, error))
        return NULL;
    return g_steal_pointer(&store);
}

void store_set_busy_timeout(Store *store, gint64 timeout_us)
{
    store->busy_timeout_us = timeout_us;
}

void store_close(Store *store)
{
    if (!store)
        return;
    store_rollback(store);
    g_hash_table_destroy(store->statements);
    int code = sqlite3_close(store->db);
    g_assert(code == SQLITE_OK); /* else a statement of ours was left open */
    g_free(store->path);
    g_free(store);
}

bool store_begin(Store *store, GError **error)
{
    g_assert(!store->in_transaction);
    if (!sql_run(store, error, "BEGIN IMMEDIATE"))
        return false;
    store->in_transaction = true;
    return true;
}

bool store_commit(Store *store, GError **error)
{
    g_assert(store->in_transaction);
    if (!sql_run(store, error, "COMMIT")) {
        store_rollback(store);
        return false;
    }
    store->in_transaction = false;
    return true;
}

void store_rollback(Store *store)
{
    if (!store->in_transaction)
        return;
    store->in_transaction = false;
    /* SQLite may have rolled back by itself (disk full, I/O error): then there is nothing to do. */
    if (!sqlite3_get_autocommit(store->db))
        sql_run(store, NULL, "ROLLBACK");
}

bool store_end(Store *store, bool done, GError **error)
{
    if (done)
        return store_commit(store, error);
    store_rollback(store);
    return false;
}

bool store_scope_begin(Store *store, bool *ret_is_own, GError **error)
{
    *ret_is_own = !store->in_transaction;
    return !*ret_is_own || store_begin(store, error);
}

bool store_scope_end(Store *store, bool is_own, bool done, GError **error)
{
    return is_own ? store_end(store, done, error) : done;
}
