/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/request.h"

#include <openssl/crypto.h>
#include <string.h>

static const guint max_headers = 64;

static const char *const header_names[WEB_N_HEADERS] = {
    [WEB_AUTHORIZATION] = "Authorization",         [WEB_CONTENT_LENGTH] = "Content-Length",
    [WEB_CONTENT_TYPE] = "Content-Type",           [WEB_HOST] = "Host",
    [WEB_TRANSFER_ENCODING] = "Transfer-Encoding", [WEB_GITHUB_DELIVERY] = "X-GitHub-Delivery",
    [WEB_GITHUB_EVENT] = "X-GitHub-Event",         [WEB_HUB_SIGNATURE] = "X-Hub-Signature-256",
    [WEB_IDEMPOTENCY_KEY] = "Idempotency-Key",
};

/* A field name is a token (RFC 9110, 5.6.2): "Content-Length " with a blank is how requests are smuggled. */
static bool name_is_token(const char *name, gsize length)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(name[i]) && (name[i] == '\0' || !strchr(others, name[i])))
            return false;
    }
    return length > 0;
}

static bool value_is_text(const char *value, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        guchar byte = (guchar)value[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

void web_headers_add(WebHeaders *headers, const char *name, gsize name_length, const char *value, gsize value_length)
{
    headers->n_headers++;
    if (!name_is_token(name, name_length) || !value_is_text(value, value_length)) {
        headers->is_odd = true;
        return;
    }
    for (int i = 0; i < WEB_N_HEADERS; i++) {
        if (strlen(header_names[i]) != name_length || g_ascii_strncasecmp(header_names[i], name, name_length) != 0)
            continue;
        headers->is_doubled = headers->is_doubled || headers->value[i];
        headers->value[i] = value;
    }
}

static bool copy_part(const char *text, gsize length, const char *alphabet, char *to, gsize size)
{
    if (length == 0 || length >= size || strspn(text, alphabet) < length)
        return false;
    memcpy(to, text, length);
    to[length] = '\0';
    return true;
}

/* /api/v1/gradescope/ASSIGNMENT/submissions, and /NUMBER behind it for one of them. */
static WebTarget parse_gradescope(const char *method, const char *rest)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    static const char list[] = "/submissions";
    WebTarget target = {.endpoint = WEB_GRADESCOPE_SUBMIT, .has_body = true};
    gsize length = strcspn(rest, "/");
    const char *tail = rest + length;
    if (!copy_part(rest, length, names, target.assignment, sizeof target.assignment) || !g_str_has_prefix(tail, list))
        return (WebTarget){.status = 404};
    tail += strlen(list);
    if (*tail) {
        target.endpoint = WEB_GRADESCOPE_RESULT;
        target.has_body = false;
        if (*tail != '/' || !copy_part(tail + 1, strlen(tail + 1), "0123456789", target.number, sizeof target.number))
            return (WebTarget){.status = 404};
    }
    const char *wanted = target.has_body ? "POST" : "GET";
    return strcmp(method, wanted) == 0 ? target : (WebTarget){.status = 405, .allowed = wanted};
}

WebTarget web_target_parse(const char *method, const char *path)
{
    static const struct {
        const char *path, *method;
        WebEndpoint endpoint;
        bool has_body;
    } targets[] = {
        {"/healthz", "GET", WEB_HEALTH, false},
        {"/github/webhook", "POST", WEB_GITHUB_WEBHOOK, true},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (strcmp(path, targets[i].path) != 0)
            continue;
        if (strcmp(method, targets[i].method) != 0)
            return (WebTarget){.status = 405, .allowed = targets[i].method};
        return (WebTarget){.endpoint = targets[i].endpoint, .has_body = targets[i].has_body};
    }
    static const char gradescope[] = "/api/v1/gradescope/";
    if (g_str_has_prefix(path, gradescope))
        return parse_gradescope(method, path + strlen(gradescope));
    return (WebTarget){.status = 404};
}

static unsigned refuse(unsigned status, const char *why, const char **ret_why)
{
    *ret_why = why;
    return status;
}

unsigned web_head_check(const WebTarget *target, const WebHeaders *headers, gint64 max_bytes, gint64 *ret_length,
                        const char **ret_why)
{
    const unsigned bad = 400, needs_length = 411, too_large = 413, not_implemented = 501;
    *ret_length = 0;
    if (headers->is_odd)
        return refuse(bad, "a header has bytes that no header may have", ret_why);
    if (headers->is_doubled)
        return refuse(bad, "a header came twice that may come once", ret_why);
    if (headers->n_headers > max_headers)
        return refuse(bad, "too many headers", ret_why);
    if (!headers->value[WEB_HOST])
        return refuse(bad, "the header Host is missing", ret_why);
    const char *length = headers->value[WEB_CONTENT_LENGTH];
    if (headers->value[WEB_TRANSFER_ENCODING])
        return length ? refuse(bad, "Content-Length and Transfer-Encoding exclude each other", ret_why)
                      : refuse(target->has_body ? needs_length : not_implemented,
                               "no Transfer-Encoding is taken: send a Content-Length", ret_why);
    if (!length)
        return target->has_body ? refuse(needs_length, "a Content-Length is needed", ret_why) : 0;
    guint64 bytes = 0;
    if (!text_is_digits(length, G_MAXSIZE) || !g_ascii_string_to_unsigned(length, 10, 0, G_MAXINT64, &bytes, NULL))
        return refuse(bad, "Content-Length is no number", ret_why);
    if (bytes > (guint64)(target->has_body ? max_bytes : 0))
        return refuse(too_large, "the body is larger than is taken here", ret_why);
    *ret_length = (gint64)bytes;
    return 0;
}

bool web_signature_holds(const char *signature, const char *secret, gsize secret_length, const void *body, gsize length)
{
    static const char prefix[] = "sha256=";
    enum { N_HEX = 64 };
    if (!signature || !g_str_has_prefix(signature, prefix) || strlen(signature) != strlen(prefix) + N_HEX)
        return false;
    g_autofree char *given = g_ascii_strdown(signature + strlen(prefix), N_HEX);
    g_autofree char *wanted =
        g_compute_hmac_for_data(G_CHECKSUM_SHA256, (const guchar *)secret, secret_length, body, length);
    return CRYPTO_memcmp(given, wanted, N_HEX) == 0;
}

bool web_type_is_json(const char *type)
{
    static const char wanted[] = "application/json";
    if (!type || g_ascii_strncasecmp(type, wanted, strlen(wanted)) != 0)
        return false;
    const char *rest = type + strlen(wanted);
    return !*rest || strchr("; \t", *rest);
}

bool web_text_is_plain(const char *text, gsize max_length)
{
    gsize length = text ? strlen(text) : 0;
    return length > 0 && length <= max_length &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

char *web_key_hash(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    const gsize max_length = 200;
    if (!authorization || g_ascii_strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return NULL;
    const char *key = authorization + strlen(scheme);
    return web_text_is_plain(key, max_length) ? file_sha256_bytes(key, strlen(key)) : NULL;
}

bool web_wait_seconds(const char *text, gint64 *ret_seconds)
{
    const gint64 longest_s = 60;
    guint64 seconds = 0;
    if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &seconds, NULL))
        return false;
    *ret_seconds = MIN((gint64)seconds, longest_s);
    return true;
}
