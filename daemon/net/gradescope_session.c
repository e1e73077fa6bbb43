/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/gradescope_session.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/net/github.h"

static const gint64 request_ms = 30 * 1000, fetch_ms = 5 * 60 * 1000;
static const gsize max_page_bytes = 32 * 1024 * 1024;
enum {
    status_unauthorized = 401,
    status_forbidden = 403,
    status_missing = 404,
    status_unprocessable = 422,
    status_busy = 429,
    status_broken = 500
};

struct GradescopeSession {
    const GradescopeConfig *config;
    char *course, *lock_path;
    HttpClient *pages, *files;
    char *csrf;           /* NULL: not logged in */
    gint64 next_mono_us;  /* no request before */
    gint64 refused_mtime; /* of the account file that was refused, ns; 0: none was */
};

void gradescope_config_free(GradescopeConfig *config)
{
    if (!config)
        return;
    g_free(config->url);
    g_free(config->account_file);
    g_free(config);
}

void gradescope_session_free(GradescopeSession *session)
{
    if (!session)
        return;
    http_client_free(session->pages);
    http_client_free(session->files);
    secret_free(session->csrf);
    g_free(session->course);
    g_free(session->lock_path);
    g_free(session);
}

bool gradescope_session_open(GradescopeSession **session, const GradescopeConfig *config, const char *state_folder,
                             const char *course, bool *ret_is_new, GError **error)
{
    *ret_is_new = false;
    if (!course)
        return error_set(
            error, RUBRIC_ERROR_INVALID,
            "course.yaml has no connections.gradescope: say which course: {course: \"123456\"}, the number "
            "in the address of its page");
    if (*session && strcmp((*session)->course, course) == 0)
        return true;
    g_clear_pointer(session, gradescope_session_free);
    g_autoptr(GradescopeSession) made = g_new0(GradescopeSession, 1);
    made->config = config;
    made->course = g_strdup(course);
    made->lock_path = g_build_filename(state_folder, "gradescope.lock", NULL);
    made->pages = http_client_new(request_ms, error);
    made->files = made->pages ? http_client_new(fetch_ms, error) : NULL;
    if (!made->files)
        return false;
    http_client_keep_cookies(made->pages);
    *session = g_steal_pointer(&made);
    *ret_is_new = true;
    return true;
}

/* ---- one request
 * ------------------------------------------------------------------------------------------------------ */

static void wait_for_turn(GradescopeSession *session)
{
    gint64 wait_us = session->next_mono_us - clock_monotonic_us();
    if (wait_us > 0)
        g_usleep((gulong)wait_us);
}

static void plan_next(GradescopeSession *session)
{
    gint64 pace_us = session->config->pace_us;
    gint64 by_chance_us = (gint64)(g_random_double() * (double)pace_us / 2);
    session->next_mono_us = clock_monotonic_us() + pace_us + by_chance_us;
}

/* One at a time, whatever role or command asks. */
static bool ask_in_turn(GradescopeSession *session, HttpClient *client, const HttpRequest *request, HttpAnswer *answer,
                        GError **error)
{
    wait_for_turn(session); /* not while the others wait for us */
    file_autofd int lock = open(session->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return error_set_errno(error, errno, "cannot lock \"%s\"", session->lock_path);
    bool done = http_request(client, request, answer, error);
    plan_next(session);
    return done;
}

typedef struct {
    const char *method; /* NULL: GET */
    const char *path;   /* below the site */
    const char *form;   /* or NULL */
    bool wants_json;
} Ask;

static bool ask_page(GradescopeSession *session, const Ask *ask, HttpAnswer *answer, GError **error)
{
    g_autofree char *url = g_strconcat(session->config->url, ask->path, NULL);
    g_autofree char *origin = g_strdup_printf("Origin: %s", session->config->url);
    g_autofree char *referer = g_strdup_printf("Referer: %s/login", session->config->url);
    g_autofree char *token = session->csrf ? g_strdup_printf("X-CSRF-Token: %s", session->csrf) : NULL;
    const char *headers[8] = {ask->wants_json ? "Accept: application/json" : "Accept: text/html"};
    gsize n = 1;
    if (ask->method) {
        headers[n++] = origin;
        headers[n++] = referer;
        headers[n++] =
            ask->form ? "Content-Type: application/x-www-form-urlencoded" : "X-Requested-With: XMLHttpRequest";
        if (token)
            headers[n++] = token;
    }
    const HttpRequest request = {
        .method = ask->method,
        .url = url,
        .headers = headers,
        .has_credential = true,
        .body = ask->form     ? ask->form
                : ask->method ? ""
                              : NULL,
        .body_length = ask->form ? strlen(ask->form) : 0,
        .max_answer_bytes = max_page_bytes,
    };
    bool done = ask_in_turn(session, session->pages, &request, answer, error);
    if (token)
        explicit_bzero(token, strlen(token));
    if (done && answer->is_cut)
        return error_set(error, RUBRIC_ERROR_LIMIT, "Gradescope's page \"%s\" has more than %" G_GSIZE_FORMAT " bytes",
                         ask->path, max_page_bytes);
    return done;
}

static bool leads_to(const HttpAnswer *answer, const char *path)
{
    const char *location = http_answer_header(answer, "Location");
    const char *host = location ? strstr(location, "://") : NULL;
    const char *at = host ? strchr(host + strlen("://"), '/') : location;
    gsize length = strlen(path);
    return at && strncmp(at, path, length) == 0 && strchr("?#/", at[length]) != NULL;
}

static bool is_redirect(const HttpAnswer *answer)
{
    const long first = 300, last = 399;
    return answer->status >= first && answer->status <= last;
}

/* What is not a page of the kind that was asked for. */
static bool explain(const HttpAnswer *answer, const char *path, GError **error)
{
    if (answer->status == status_busy || answer->status >= status_broken)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "Gradescope is busy or down: \"%s\" answered %ld", path,
                         answer->status);
    if (answer->status == status_unauthorized || answer->status == status_forbidden || is_redirect(answer))
        return error_set(error, RUBRIC_ERROR_DENIED,
                         "Gradescope does not let this account see \"%s\" (%ld): it must be staff of the course", path,
                         answer->status);
    return error_set(error, RUBRIC_ERROR_INVALID,
                     "Gradescope's \"%s\" answered %ld: it is not where it was known to be", path, answer->status);
}

/* ---- logging in
 * ------------------------------------------------------------------------------------------------------- */

static gint64 account_mtime(const GradescopeSession *session)
{
    struct stat info;
    const gint64 ns = 1000000000;
    return stat(session->config->account_file, &info) == 0 ? info.st_mtim.tv_sec * ns + info.st_mtim.tv_nsec : 0;
}

/* "authenticity_token=...&session[email]=..." A secret. */
static char *login_form(const char *account, const char *token, GError **error)
{
    const char *line_end = strchr(account, '\n');
    const char *password = line_end ? line_end + 1 : "";
    if (!line_end || line_end == account || !*password) {
        error_set(
            error, RUBRIC_ERROR_DENIED,
            "the account file must have two lines: the e-mail address, the password of Gradescope (an account that "
            "only has single sign-on cannot be used)");
        return NULL;
    }
    g_autofree char *email = g_strchomp(g_strndup(account, (gsize)(line_end - account)));
    g_autofree char *email_value = g_uri_escape_string(email, NULL, false);
    g_autoptr(char) token_value = g_uri_escape_string(token, NULL, false);
    g_autoptr(char) password_value = g_uri_escape_string(password, NULL, false);
    return g_strdup_printf("utf8=%%E2%%9C%%93&authenticity_token=%s&session%%5Bemail%%5D=%s&session%%5Bpassword%%5D=%s"
                           "&session%%5Bremember_me%%5D=0&session%%5Bremember_me_sso%%5D=0&commit=Log+In",
                           token_value, email_value, password_value);
}

static bool send_login(GradescopeSession *session, const char *account, const char *token, GError **error)
{
    g_autoptr(char) form = login_form(account, token, error);
    if (!form)
        return false;
    const Ask ask = {.method = "POST", .path = "/login", .form = form};
    g_auto(HttpAnswer) answer = {0};
    if (!ask_page(session, &ask, &answer, error))
        return false;
    if (answer.status == status_busy || answer.status >= status_broken)
        return explain(&answer, "/login", error);
    if (is_redirect(&answer) && leads_to(&answer, "/account"))
        return true;
    session->refused_mtime = account_mtime(session);
    return error_set(error, RUBRIC_ERROR_DENIED,
                     "Gradescope refuses the account of \"%s\" (wrong e-mail address or password, or single sign-on "
                     "only); it is not tried again before that file changes",
                     session->config->account_file);
}

static bool read_csrf(GradescopeSession *session, GError **error)
{
    g_autofree char *path = g_strdup_printf("/courses/%s/assignments", session->course);
    const Ask ask = {.path = path};
    g_auto(HttpAnswer) answer = {0};
    if (!ask_page(session, &ask, &answer, error))
        return false;
    if (answer.status != 200)
        return explain(&answer, path, error);
    secret_free(session->csrf);
    session->csrf = gradescope_page_csrf(answer.body->str, answer.body->len, error);
    return session->csrf != NULL;
}

static bool log_in(GradescopeSession *session, GError **error)
{
    if (session->refused_mtime != 0 && session->refused_mtime == account_mtime(session))
        return error_set(error, RUBRIC_ERROR_DENIED,
                         "Gradescope refused the account of \"%s\"; it is not tried again before that file changes",
                         session->config->account_file);
    session->refused_mtime = 0;
    g_autoptr(char) account = secret_read(session->config->account_file, NULL, error);
    if (!account)
        return false;
    http_client_forget_cookies(session->pages);
    const Ask ask = {.path = "/login"};
    g_auto(HttpAnswer) answer = {0};
    if (!ask_page(session, &ask, &answer, error))
        return false;
    if (answer.status != 200)
        return explain(&answer, "/login", error);
    g_autoptr(char) token = gradescope_page_login_token(answer.body->str, answer.body->len, error);
    return token && send_login(session, account, token, error) && read_csrf(session, error);
}

/* ---- asking as somebody who is logged in
 * ---------------------------------------------------------------------------------- */

static void log_out(GradescopeSession *session)
{
    secret_free(session->csrf);
    session->csrf = NULL;
}

/* true: the answer is a 200. The session may be over at any time, and so may the token: each is mended once. */
static bool ask_inside(GradescopeSession *session, const Ask *ask, HttpAnswer *answer, GError **error)
{
    bool has_logged_in = false, has_token = false;
    for (;;) {
        if (!session->csrf) {
            has_logged_in = true;
            if (!log_in(session, error)) {
                log_out(session);
                return false;
            }
        }
        http_answer_clear(answer);
        if (!ask_page(session, ask, answer, error))
            return false;
        bool is_over = answer->status == status_unauthorized || (is_redirect(answer) && leads_to(answer, "/login"));
        if (is_over && !has_logged_in) {
            log_out(session);
        } else if (answer->status == status_unprocessable && !has_token) {
            has_token = true;
            if (!read_csrf(session, error)) {
                log_out(session);
                return false;
            }
        } else {
            return answer->status == 200 || explain(answer, ask->path, error);
        }
    }
}

static GPtrArray *read_page(GradescopeSession *session, const char *path,
                            GPtrArray *(*read)(const char *page, gsize length, GError **error), GError **error)
{
    const Ask ask = {.path = path};
    g_auto(HttpAnswer) answer = {0};
    if (!ask_inside(session, &ask, &answer, error))
        return NULL;
    return read(answer.body->str, answer.body->len, error);
}

GPtrArray *gradescope_session_assignments(GradescopeSession *session, GError **error)
{
    g_autofree char *path = g_strdup_printf("/courses/%s/assignments", session->course);
    return read_page(session, path, gradescope_page_assignments, error);
}

GPtrArray *gradescope_session_members(GradescopeSession *session, GError **error)
{
    g_autofree char *path = g_strdup_printf("/courses/%s/memberships", session->course);
    return read_page(session, path, gradescope_page_members, error);
}

GPtrArray *gradescope_session_extensions(GradescopeSession *session, const char *assignment, GError **error)
{
    g_autofree char *path = g_strdup_printf("/courses/%s/assignments/%s/extensions", session->course, assignment);
    return read_page(session, path, gradescope_page_extensions, error);
}

bool gradescope_session_export(GradescopeSession *session, const char *assignment, gint64 *ret_file, GError **error)
{
    g_autofree char *path = g_strdup_printf("/courses/%s/assignments/%s/export", session->course, assignment);
    const Ask ask = {.method = "POST", .path = path, .wants_json = true};
    g_auto(HttpAnswer) answer = {0};
    if (!ask_inside(session, &ask, &answer, error))
        return false;
    *ret_file = gradescope_answer_file(answer.body->str, answer.body->len, error);
    return *ret_file > 0;
}

bool gradescope_session_export_state(GradescopeSession *session, gint64 file, GradescopeFileState *ret_state,
                                     char **ret_url, GError **error)
{
    g_autofree char *path =
        g_strdup_printf("/courses/%s/generated_files/%" G_GINT64_FORMAT ".json", session->course, file);
    const Ask ask = {.path = path, .wants_json = true};
    g_auto(HttpAnswer) answer = {0};
    return ask_inside(session, &ask, &answer, error) &&
           gradescope_answer_file_state(answer.body->str, answer.body->len, ret_state, ret_url, error);
}

/* The address is signed and leads to another host, so neither cookie nor token goes along, and nobody is shown it. */
bool gradescope_session_fetch(GradescopeSession *session, const char *url, int fd, gint64 max_bytes, GError **error)
{
    const HttpRequest request = {
        .url = url,
        .shown_url = "the address of the export",
        .has_credential = true, /* the signature */
        .download_fd = fd,
        .max_download_bytes = max_bytes,
    };
    g_auto(HttpAnswer) answer = {0};
    if (!ask_in_turn(session, session->files, &request, &answer, error))
        return false;
    if (answer.status == 200)
        return true;
    if (answer.status == status_missing || answer.status == status_forbidden)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the export is not there yet (%ld)", answer.status);
    return explain(&answer, "the address of the export", error);
}

bool gradescope_session_rerun(GradescopeSession *session, const char *assignment, const char *submission,
                              GError **error)
{
    g_autofree char *path =
        g_strdup_printf("/courses/%s/assignments/%s/submissions/%s/regrade", session->course, assignment, submission);
    const Ask ask = {.method = "POST", .path = path, .wants_json = true};
    g_auto(HttpAnswer) answer = {0};
    if (ask_inside(session, &ask, &answer, error))
        return true;
    /* A browser is led back to the submission. */
    g_autofree char *back = g_strdup_printf("/courses/%s/assignments/%s", session->course, assignment);
    if (!is_redirect(&answer) || !leads_to(&answer, back))
        return false;
    g_clear_error(error);
    return true;
}
