/* SPDX-License-Identifier: Apache-2.0 */
/* Any head of a request: first line "METHOD PATH", then "Name: value" lines, an empty line, a body. */
#include <string.h>

#include "daemon/web/request.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const gint64 max_bytes = 1000;
    g_autofree char *text = g_strndup((const char *)data, size);
    char *body = strstr(text, "\n\n");
    if (body)
        *body = '\0';
    g_auto(GStrv) lines = g_strsplit(text, "\n", 200);
    char *space = lines[0] ? strchr(lines[0], ' ') : NULL;
    if (!space)
        return 0;
    *space = '\0';
    const WebTarget target = web_target_parse(lines[0], space + 1);
    WebHeaders headers = {0};
    for (gsize i = 1; lines[i]; i++) {
        char *colon = strchr(lines[i], ':');
        const char *value = colon ? colon + 1 : "";
        web_headers_add(&headers, lines[i], colon ? (gsize)(colon - lines[i]) : strlen(lines[i]), value, strlen(value));
    }
    gint64 length = -1;
    const char *why = NULL;
    unsigned status = web_head_check(&target, &headers, max_bytes, &length, &why);
    g_assert((status == 0) == (why == NULL));
    g_assert(length >= 0 && length <= max_bytes);
    g_assert(status != 0 || !headers.is_doubled);
    bool is_signed = web_signature_holds(headers.value[WEB_HUB_SIGNATURE], "secret", 6, body ? body + 2 : "",
                                         body ? strlen(body + 2) : 0);
    g_assert(!is_signed || headers.value[WEB_HUB_SIGNATURE]);
    return 0;
}
