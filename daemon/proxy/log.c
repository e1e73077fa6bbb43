/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what connection.c has written: "GET api.example.org:80: what became of it". */
#include "daemon/proxy/private.h"

#include <string.h>

/* What became of it, or NULL: the line tells of no host. *ret_host: caller frees. */
static const char *split(const char *line, char **ret_host)
{
    const char *space = strchr(line, ' '), *end = space ? strstr(space, ": ") : NULL;
    gsize n_method = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (!end || n_method == 0 || line + n_method != space)
        return NULL;
    *ret_host = g_strndup(space + 1, (gsize)(end - space) - 1);
    return end + strlen(": ");
}

char *proxy_log_refused(const char *log)
{
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *host = NULL;
        const char *end = split(*line, &host);
        if (end && g_str_has_prefix(end, LOG_NOT_NAMED))
            return g_steal_pointer(&host);
    }
    return NULL;
}

char *proxy_log_unreached(const char *log)
{
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *host = NULL;
        const char *end = split(*line, &host);
        if (end && !g_str_has_prefix(end, LOG_NOT_NAMED) && !g_str_has_prefix(end, LOG_LET_THROUGH))
            return g_strdup_printf("%s: %s", host, end);
    }
    return NULL;
}
