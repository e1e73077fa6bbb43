/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes are those that the issuers document; each begins with a fixed text that is searched for, so that no expression
 * runs over hostile bytes. A text that says of itself that it is an example is none.
 */
#include "graders/secrets.h"

#include <string.h>

#define DIGITS "0123456789"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM  DIGITS UPPER "abcdefghijklmnopqrstuvwxyz"

typedef struct {
    const char *name;
    const char *start; /* the fixed text */
    const char *chars; /* what follows it */
    gsize min, max;    /* how many of them */
} Shape;

static const Shape shapes[] = {
    {"an AWS access key", "AKIA", DIGITS UPPER, 16, 16},
    {"an AWS access key", "ASIA", DIGITS UPPER, 16, 16},
    {"a GitHub token", "ghp_", ALNUM, 36, 255},
    {"a GitHub token", "gho_", ALNUM, 36, 255},
    {"a GitHub token", "ghu_", ALNUM, 36, 255},
    {"a GitHub token", "ghs_", ALNUM, 36, 255},
    {"a GitHub token", "ghr_", ALNUM, 36, 255},
    {"a GitHub token", "github_pat_", ALNUM "_", 60, 255},
    {"a GitLab token", "glpat-", ALNUM "_-", 20, 255},
    {"a Slack token", "xoxb-", ALNUM "-", 20, 255},
    {"a Slack token", "xoxp-", ALNUM "-", 20, 255},
    {"a Slack token", "xoxa-", ALNUM "-", 20, 255},
    {"a Slack token", "xoxr-", ALNUM "-", 20, 255},
    {"a Slack token", "xoxs-", ALNUM "-", 20, 255},
    {"a Slack webhook address", "hooks.slack.com/services/T", ALNUM "/", 20, 255},
    {"a Google API key", "AIza", ALNUM "_-", 35, 35},
    {"a Google client secret", "GOCSPX-", ALNUM "_-", 28, 28},
    {"a Stripe key", "sk_live_", ALNUM, 24, 255},
};

static bool contains_text(const char *data, gsize length, const char *text)
{
    return memmem(data, length, text, strlen(text)) != NULL;
}

static gsize span(const char *at, const char *end, const char *chars)
{
    const char *start = at;
    while (at < end && *at && strchr(chars, *at))
        at++;
    return (gsize)(at - start);
}

/* The first place of the shape, NULL: none. */
static const char *find_shape(const Shape *shape, const char *data, gsize length)
{
    const char *end = data + length;
    gsize start_length = strlen(shape->start);
    for (const char *at = data; at < end; at++) {
        at = memmem(at, (gsize)(end - at), shape->start, start_length);
        if (!at)
            return NULL;
        const char *tail = at + start_length;
        gsize n = span(tail, end, shape->chars);
        bool starts_inside_word = at > data && (g_ascii_isalnum(at[-1]) || at[-1] == '_');
        bool is_example =
            contains_text(at, start_length + n, "EXAMPLE") || contains_text(at, start_length + n, "xxxxxx");
        if (n >= shape->min && n <= shape->max && !starts_inside_word && !is_example)
            return at;
    }
    return NULL;
}

static const char *find_private_key(const char *data, gsize length)
{
    static const char begin[] = "-----BEGIN ", key[] = "PRIVATE KEY-----";
    const gsize max_kind = 40;
    const char *end = data + length;
    for (const char *at = data; at < end; at++) {
        at = memmem(at, (gsize)(end - at), begin, strlen(begin));
        if (!at)
            return NULL;
        const char *kind = at + strlen(begin);
        gsize n = span(kind, end, UPPER DIGITS " ");
        const char *tail = kind + n;
        bool is_key = n <= max_kind && n >= strlen("PRIVATE KEY") && end - tail >= 5 && memcmp(tail, "-----", 5) == 0 &&
                      memcmp(tail - strlen("PRIVATE KEY"), key, strlen("PRIVATE KEY")) == 0;
        /* Something must follow: documentation names the first line alone. */
        if (is_key && span(tail + 5, end, "\r\n \\n") < (gsize)(end - tail - 5))
            return at;
    }
    return NULL;
}

/* ---- passwords that stand in addresses and settings ---------------------------------------------------------------
 */

/* What people write where a secret would stand. */
static bool is_placeholder(const char *value, gsize length)
{
    static const char *const whole[] = {"password", "passwd", "pass", "secret", "changeme", "change_me",
                                        "token",    "none",   "null", "todo",   "test",     NULL};
    static const char *const parts[] = {"your", "xxx", "example", "placeholder", "...", "***", NULL};
    const gsize min_secret = 4;
    if (length < min_secret || strchr("$<{%[(*", *value))
        return true;
    g_autofree char *lower = g_ascii_strdown(value, (gssize)length);
    if (g_strv_contains(whole, lower))
        return true;
    for (gsize i = 0; parts[i]; i++) {
        if (strstr(lower, parts[i]))
            return true;
    }
    return false;
}

/* "scheme://user:password@host" */
static const char *find_address_password(const char *data, gsize length)
{
    const char *end = data + length;
    const gsize max_part = 256;
    for (const char *at = data; at < end; at++) {
        at = memmem(at, (gsize)(end - at), "://", strlen("://"));
        if (!at)
            return NULL;
        const char *user = at + strlen("://");
        gsize n_user = span(user, MIN(end, user + max_part), ALNUM "._%+-");
        const char *password = user + n_user + 1;
        if (n_user == 0 || password >= end || password[-1] != ':')
            continue;
        gsize n_password = 0;
        while (password + n_password < end && n_password < max_part && g_ascii_isgraph(password[n_password]) &&
               !strchr("@/\"'`<>", password[n_password]))
            n_password++;
        bool is_closed = password + n_password < end && password[n_password] == '@';
        if (is_closed && !is_placeholder(password, n_password))
            return at;
    }
    return NULL;
}

static bool is_environment_file(const char *path)
{
    static const char *const harmless[] = {".env.example", ".env.sample", ".env.template", ".env.dist", NULL};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return (g_str_equal(name, ".env") || g_str_has_prefix(name, ".env.")) && !g_strv_contains(harmless, name);
}

static bool names_a_secret(const char *name, gsize length)
{
    static const char *const words[] = {"KEY", "TOKEN", "SECRET", "PASSW", "PWD", "CREDENTIAL", "PRIVATE", NULL};
    g_autofree char *upper = g_ascii_strup(name, (gssize)length);
    for (gsize i = 0; words[i]; i++) {
        if (strstr(upper, words[i]))
            return true;
    }
    return false;
}

/* A line NAME=value whose name speaks of a secret. */
static const char *find_setting(const char *data, gsize length)
{
    const char *end = data + length;
    for (const char *line = data; line < end;) {
        const char *stop = memchr(line, '\n', (gsize)(end - line));
        stop = stop ? stop : end;
        const char *equals = memchr(line, '=', (gsize)(stop - line));
        if (*line != '#' && equals && names_a_secret(line, (gsize)(equals - line))) {
            const char *value = equals + 1 + span(equals + 1, stop, " \t\"'");
            gsize n = 0;
            while (value + n < stop && g_ascii_isgraph(value[n]) && value[n] != '"' && value[n] != '\'')
                n++;
            if (n > 0 && !is_placeholder(value, n))
                return line;
        }
        line = stop + 1;
    }
    return NULL;
}

static gsize line_of(const char *data, const char *at)
{
    gsize line = 1;
    for (; data < at; data++)
        line += *data == '\n';
    return line;
}

const char *secrets_find(const char *path, const char *data, gsize length, gsize *ret_line)
{
    const char *name = "a private key";
    const char *at = find_private_key(data, length);
    for (gsize i = 0; !at && i < G_N_ELEMENTS(shapes); i++) {
        at = find_shape(&shapes[i], data, length);
        name = shapes[i].name;
    }
    if (!at) {
        at = find_address_password(data, length);
        name = "a password in an address";
    }
    if (!at && is_environment_file(path)) {
        at = find_setting(data, length);
        name = "a secret in an environment file";
    }
    if (!at)
        return NULL;
    *ret_line = line_of(data, at);
    return name;
}
