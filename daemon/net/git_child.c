/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/git_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const gsize max_output_bytes = 16 * 1024 * 1024;
static const guint max_refs = 20000;
static const gsize sha_length = 40;

/* ---- URLs
 * --------------------------------------------------------------------------------------------------------------- */

bool git_url_check(const char *url, GError **error)
{
    static const char *const schemes[] = {"https://", "http://", "ssh://", "file:///"};
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return error_set(error, RUBRIC_ERROR_INVALID, "the git URL \"%s\" holds a blank or a control character",
                             url);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
        /* A host that starts with '-' would be an option of ssh. */
        if (g_str_has_prefix(url, schemes[i]) && url[strlen(schemes[i])] && url[strlen(schemes[i])] != '-')
            return true;
    }
    static const char scp_form[] = "^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:-][^:]*$";
    if (g_regex_match_simple(scp_form, url, 0, 0))
        return true;
    return error_set(error, RUBRIC_ERROR_INVALID,
                     "\"%s\" is no git URL that is allowed: expected https://, http://, ssh://, file:/// or "
                     "user@host:path",
                     url);
}

char *git_url_public(const char *url)
{
    const char *scheme = strstr(url, "://");
    if (!scheme)
        return g_strdup(url);
    const char *host = scheme + strlen("://");
    const char *path = strchr(host, '/');
    g_autofree char *authority = g_strndup(host, path ? (gsize)(path - host) : strlen(host));
    const char *at = strrchr(authority, '@');
    return g_strdup_printf("%.*s%s%s", (int)(host - url), url, at ? at + 1 : authority, path ? path : "");
}

/* ---- running
 * ------------------------------------------------------------------------------------------------------------- */

static char *git_home(const GitChild *git, GError **error)
{
    g_autofree char *home = g_build_filename(git->state_folder, "git-home", NULL);
    return file_make_folder(home, 0700, error) ? g_steal_pointer(&home) : NULL;
}

/* Nothing of our own environment but what finds programs and an ssh agent that the operator gave us. */
static char **git_environment(const GitChild *git, const char *home)
{
    GPtrArray *env = g_ptr_array_new();
    g_ptr_array_add(env, g_strdup_printf("HOME=%s", home));
    g_ptr_array_add(env, g_strdup_printf("XDG_CONFIG_HOME=%s", home));
    static const char *const fixed[] = {
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=/bin/true",
        "SSH_ASKPASS=/bin/true",
        "GIT_ALLOW_PROTOCOL=file:http:https:ssh",
        "GIT_NO_REPLACE_OBJECTS=1",
        "GIT_NO_LAZY_FETCH=1",
        "LC_ALL=C.UTF-8",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(env, g_strdup(fixed[i]));
    /* An extra fd of a child is its fd 3. */
    g_ptr_array_add(
        env, g_strdup(git->credential_fd > 0 ? "GIT_CONFIG_GLOBAL=/proc/self/fd/3" : "GIT_CONFIG_GLOBAL=/dev/null"));
    static const char *const passed[] = {"PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"};
    for (gsize i = 0; i < G_N_ELEMENTS(passed); i++) {
        const char *value = g_getenv(passed[i]);
        if (value)
            g_ptr_array_add(env, g_strdup_printf("%s=%s", passed[i], value));
    }
    g_ptr_array_add(env,
                    g_strdup("GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ForwardAgent=no -o StrictHostKeyChecking=yes"));
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(env, FALSE);
}

/* The shell only sets the limit on file sizes and becomes git. The signal is ignored, so that who writes too much is
 * told, cleans up and says so, instead of dying without a word. */
static char **git_argv(const GitChild *git, const char *const *arguments)
{
    const gint64 block_bytes = 512;
    GPtrArray *argv = g_ptr_array_new();
    g_ptr_array_add(argv, g_strdup("/bin/sh"));
    g_ptr_array_add(argv, g_strdup("-c"));
    g_ptr_array_add(argv, g_strdup_printf("trap '' XFSZ && ulimit -f %" G_GINT64_FORMAT " && exec git \"$@\"",
                                          MAX(git->max_bytes / block_bytes, 1)));
    static const char *const fixed[] = {
        "git",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "protocol.ext.allow=never",
        "-c",
        "transfer.fsckObjects=true",
        "-c",
        "fetch.recurseSubmodules=false",
        "-c",
        "fetch.writeCommitGraph=false",
        "-c",
        "fetch.unpackLimit=1", /* all that comes is one pack: a limit on files is one on the fetch */
        "-c",
        "core.bigFileThreshold=16m",
        "-c",
        "core.fsync=all",
        "-c",
        "core.symlinks=false",
        "-c",
        "credential.helper=",
        "-c",
        "user.name=rubricd",
        "-c",
        "user.email=rubricd@localhost",
        "-c",
        "gc.auto=0",
        "-c",
        "maintenance.auto=false",
        "-c",
        "http.lowSpeedLimit=100",
        "-c",
        "http.lowSpeedTime=60",
        "-c",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(argv, g_strdup(fixed[i]));
    g_ptr_array_add(argv,
                    g_strdup(git->credential_fd > 0 ? "http.followRedirects=false" : "http.followRedirects=initial"));
    for (gsize i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, g_strdup(arguments[i]));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static char *last_words(const GString *err)
{
    const gsize max_bytes = 400;
    g_autofree char *last = text_last(err->str, err->len, max_bytes);
    g_strstrip(last);
    g_strdelimit(last, "\r\n", ' ');
    return g_steal_pointer(&last);
}

bool git_run(const GitChild *git, const char *folder, const char *const *arguments, GString **ret_out, char **ret_err,
             int *ret_status, GError **error)
{
    g_autofree char *home = git_home(git, error);
    if (!home)
        return false;
    g_auto(GStrv) env = git_environment(git, home);
    g_auto(GStrv) argv = git_argv(git, arguments);
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = (const char *const *)argv;
    spec.env = (const char *const *)env;
    spec.folder = folder ? folder : home;
    spec.extra_fd = git->credential_fd > 0 ? git->credential_fd : -1;
    g_autoptr(GString) out = NULL;
    g_autoptr(GString) err = NULL;
    ProcessEnd end = {0};
    if (!process_run(&spec, git->timeout_ms, max_output_bytes, &out, &err, &end, error))
        return false;
    if (!end.exited)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "git %s was ended by signal %d", arguments[0], end.code);
    *ret_status = end.code;
    if (ret_out)
        *ret_out = g_steal_pointer(&out);
    if (ret_err)
        *ret_err = last_words(err);
    return true;
}

bool git_must(const GitChild *git, const char *folder, const char *const *arguments, GString **ret_out, GError **error)
{
    g_autofree char *words = NULL;
    g_autoptr(GString) out = NULL;
    int status = 0;
    if (!git_run(git, folder, arguments, &out, &words, &status, error))
        return false;
    if (status != 0 && strstr(words, "File too large")) {
        g_autofree char *most = text_size(git->max_bytes);
        return error_set(error, RUBRIC_ERROR_LIMIT, "git %s: it is larger than %s, the most that is taken",
                         arguments[0], most);
    }
    bool is_refused = strstr(words, "Authentication failed") || strstr(words, "could not read Username");
    if (status != 0)
        return error_set(error, is_refused ? RUBRIC_ERROR_DENIED : RUBRIC_ERROR_TEMPORARY, "git %s failed: %s",
                         arguments[0], words);
    if (ret_out)
        *ret_out = g_steal_pointer(&out);
    return true;
}

/* ---- ls-remote
 * ----------------------------------------------------------------------------------------------------------- */

static void git_ref_free(gpointer data)
{
    GitRef *ref = data;
    g_free(ref->name);
    g_free(ref);
}

/* Names that git itself would not allow, or that would harm a line or a log, are left out. */
static bool ref_is_plain(const char *name)
{
    if (!g_str_has_prefix(name, "refs/heads/") && !g_str_has_prefix(name, "refs/tags/"))
        return false;
    if (g_str_has_suffix(name, "^{}") || !g_utf8_validate(name, -1, NULL))
        return false;
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("~^:?*[\\", *at))
            return false;
    }
    return true;
}

static GPtrArray *parse_refs(const char *text)
{
    GPtrArray *refs = g_ptr_array_new_with_free_func(git_ref_free);
    for (const char *line = text; *line && refs->len < max_refs;) {
        const char *end = strchrnul(line, '\n');
        bool has_form = (gsize)(end - line) > sha_length + 1 && strspn(line, "0123456789abcdef") == sha_length &&
                        line[sha_length] == '\t';
        g_autofree char *name =
            has_form ? g_strndup(line + sha_length + 1, (gsize)(end - line) - sha_length - 1) : NULL;
        if (name && ref_is_plain(name)) {
            GitRef *ref = g_new0(GitRef, 1);
            memcpy(ref->sha, line, sha_length);
            ref->name = g_steal_pointer(&name);
            g_ptr_array_add(refs, ref);
        }
        line = *end ? end + 1 : end;
    }
    return refs;
}

typedef struct {
    Process process;
    int out_fd, err_fd;
} Listing;

static bool start_listing(const GitChild *git, const char *home, const char *url, Listing *listing, GError **error)
{
    *listing = (Listing){.process = {.pid = -1, .pidfd = -1}, .out_fd = -1, .err_fd = -1};
    if (!git_url_check(url, error))
        return false;
    listing->out_fd = memfd_create("refs", MFD_CLOEXEC);
    listing->err_fd = memfd_create("words", MFD_CLOEXEC);
    if (listing->out_fd < 0 || listing->err_fd < 0)
        return error_set_errno(error, errno, "cannot make a file in memory");
    const char *const arguments[] = {"ls-remote", "--quiet", "--heads", "--tags", "--", url, NULL};
    GitChild bounded = *git;
    bounded.max_bytes = (gint64)max_output_bytes;
    g_auto(GStrv) env = git_environment(git, home);
    g_auto(GStrv) argv = git_argv(&bounded, arguments);
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = (const char *const *)argv;
    spec.env = (const char *const *)env;
    spec.folder = home;
    spec.extra_fd = git->credential_fd > 0 ? git->credential_fd : -1;
    spec.stdout_fd = listing->out_fd;
    spec.stderr_fd = listing->err_fd;
    return process_start(&spec, &listing->process, error);
}

static GPtrArray *finish_listing(Listing *listing, gint64 deadline_us, GError **error)
{
    ProcessEnd end = {0};
    gint64 left_ms = MAX((deadline_us - clock_monotonic_us()) / 1000, 0);
    if (!process_wait(&listing->process, left_ms, &end, NULL)) {
        process_kill(&listing->process, SIGKILL);
        process_wait(&listing->process, -1, NULL, NULL);
        error_set(error, RUBRIC_ERROR_TEMPORARY, "git ls-remote did not end in time");
        return NULL;
    }
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    gsize err_length = 0;
    if (!file_read_fd(listing->out_fd, "the list of refs", max_output_bytes, &out, NULL, error) ||
        !file_read_fd(listing->err_fd, "the words of git", max_output_bytes, &err, &err_length, error))
        return NULL;
    if (end.exited && end.code == 0)
        return parse_refs(out);
    g_autoptr(GString) said = g_string_new_len(err, (gssize)err_length);
    g_autofree char *words = last_words(said);
    error_set(error, RUBRIC_ERROR_TEMPORARY, "git ls-remote failed: %s", words);
    return NULL;
}

void git_ls_remotes(const GitChild *git, const char *const *urls, gsize n, GPtrArray **ret_refs, GError **ret_errors)
{
    g_autoptr(GError) home_error = NULL;
    g_autofree char *home = git_home(git, &home_error);
    Listing listings[GIT_MAX_AT_ONCE] = {0};
    g_assert(n <= GIT_MAX_AT_ONCE);
    for (gsize i = 0; i < n; i++) {
        if (!home)
            ret_errors[i] = g_error_copy(home_error);
        else
            start_listing(git, home, urls[i], &listings[i], &ret_errors[i]);
    }
    gint64 deadline_us = clock_monotonic_us() + git->timeout_ms * 1000;
    for (gsize i = 0; home && i < n; i++) {
        if (!ret_errors[i])
            ret_refs[i] = finish_listing(&listings[i], deadline_us, &ret_errors[i]);
        if (listings[i].out_fd >= 0)
            close(listings[i].out_fd);
        if (listings[i].err_fd >= 0)
            close(listings[i].err_fd);
    }
}

/* ---- mirrors
 * ------------------------------------------------------------------------------------------------------------- */

/* What is handed in stays, also what was pushed over; so a mirror may grow to some of the largest repositories. */
static const gint64 fetches_a_mirror = 4;

typedef bool (*EntryTest)(const char *name);

static bool is_unfinished_pack(const char *name)
{
    return g_str_has_prefix(name, "tmp_");
}

static bool is_lock(const char *name)
{
    return g_str_has_suffix(name, ".lock");
}

static void remove_entries(const char *mirror, const char *folder, EntryTest is_left)
{
    g_autofree char *path = g_build_filename(mirror, folder, NULL);
    g_autoptr(GDir) names = g_dir_open(path, 0, NULL);
    for (const char *name = names ? g_dir_read_name(names) : NULL; name; name = g_dir_read_name(names)) {
        g_autofree char *entry = g_build_filename(path, name, NULL);
        if (is_left(name))
            unlink(entry);
    }
}

static void mirror_clean(const char *mirror)
{
    static const char *const with_locks[] = {"", "refs/rubricd/incoming", "refs/rubricd/keep"};
    remove_entries(mirror, "objects/pack", is_unfinished_pack);
    for (gsize i = 0; i < G_N_ELEMENTS(with_locks); i++)
        remove_entries(mirror, with_locks[i], is_lock);
}

void git_mirrors_clean(const char *state_folder)
{
    g_autofree char *folder = g_build_filename(state_folder, "mirrors", NULL);
    g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
    for (const char *name = names ? g_dir_read_name(names) : NULL; name; name = g_dir_read_name(names)) {
        g_autofree char *mirror = g_build_filename(folder, name, NULL);
        mirror_clean(mirror);
    }
}

static gint64 mirror_bytes(const char *mirror)
{
    g_autofree char *folder = g_build_filename(mirror, "objects", "pack", NULL);
    g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
    gint64 bytes = 0;
    for (const char *name = names ? g_dir_read_name(names) : NULL; name; name = g_dir_read_name(names)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct stat about;
        if (lstat(path, &about) == 0)
            bytes += about.st_size;
    }
    return bytes;
}

bool git_make_mirror(const GitChild *git, const char *mirror, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(mirror);
    const char *const arguments[] = {"init", "--quiet", "--bare", "--template=", "--", mirror, NULL};
    return file_make_folder(parent, 0700, error) && git_must(git, NULL, arguments, NULL, error);
}

static bool fetch_into(const GitChild *git, const char *mirror, const char *url, const char *const *refs,
                       GError **error)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    static const char *const fixed[] = {
        "fetch",   "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance",
        "--force", "--"};
    for (gsize i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(arguments, g_strdup(fixed[i]));
    g_ptr_array_add(arguments, g_strdup(url));
    for (guint i = 0; refs[i]; i++)
        g_ptr_array_add(arguments, g_strdup_printf("+%s:refs/rubricd/incoming/%u", refs[i], i));
    g_ptr_array_add(arguments, NULL);
    return git_must(git, mirror, (const char *const *)arguments->pdata, NULL, error);
}

bool git_fetch(const GitChild *git, const char *mirror, const char *url, const char *const *refs, GError **error)
{
    g_autofree char *head = g_build_filename(mirror, "HEAD", NULL);
    bool is_new = access(head, F_OK) < 0;
    if (!git_url_check(url, error) || (is_new && !git_make_mirror(git, mirror, error)))
        return false;
    mirror_clean(mirror);
    gint64 most_bytes = fetches_a_mirror * git->max_bytes;
    GitChild bounded = *git;
    bounded.max_bytes = MIN(git->max_bytes, most_bytes - mirror_bytes(mirror));
    g_autoptr(GError) problem = NULL;
    if (bounded.max_bytes > 0 && fetch_into(&bounded, mirror, url, refs, &problem))
        return true;
    mirror_clean(mirror);
    if (is_new)
        file_remove_tree(mirror, NULL);
    bool is_full = bounded.max_bytes < git->max_bytes && (!problem || problem->code == RUBRIC_ERROR_LIMIT);
    g_autofree char *most = text_size(most_bytes);
    if (is_full)
        return error_set(error, RUBRIC_ERROR_LIMIT,
                         "with all that came before it is more than %s, the most that is kept", most);
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

char *git_incoming_commit(const GitChild *git, const char *mirror, guint i, GError **error)
{
    g_autofree char *name = g_strdup_printf("refs/rubricd/incoming/%u^{commit}", i);
    const char *const arguments[] = {"rev-parse", "--verify", "--quiet", "--end-of-options", name, NULL};
    g_autoptr(GString) out = NULL;
    int status = 0;
    if (!git_run(git, mirror, arguments, &out, NULL, &status, error))
        return NULL;
    g_autofree char *commit = out ? g_strstrip(g_strdup(out->str)) : NULL;
    if (status == 0 && commit && strlen(commit) == sha_length)
        return g_steal_pointer(&commit);
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "it leads to no commit");
    return NULL;
}

bool git_keep(const GitChild *git, const char *mirror, const char *commit, GError **error)
{
    g_autofree char *name = g_strdup_printf("refs/rubricd/keep/%s", commit);
    const char *const arguments[] = {"update-ref", "--", name, commit, NULL};
    return git_must(git, mirror, arguments, NULL, error);
}

bool git_is_ancestor(const GitChild *git, const char *mirror, const char *older, const char *newer, bool *ret_is,
                     GError **error)
{
    const char *const arguments[] = {"merge-base", "--is-ancestor", older, newer, NULL};
    int status = 0;
    if (!git_run(git, mirror, arguments, NULL, NULL, &status, error))
        return false;
    *ret_is = status == 0;
    return true;
}

bool git_has_commit(const GitChild *git, const char *mirror, const char *commit, bool *ret_has, GError **error)
{
    g_autofree char *name = g_strconcat(commit, "^{commit}", NULL);
    const char *const arguments[] = {"cat-file", "-e", name, NULL};
    int status = 0;
    if (!git_run(git, mirror, arguments, NULL, NULL, &status, error))
        return false;
    *ret_has = status == 0;
    return true;
}
