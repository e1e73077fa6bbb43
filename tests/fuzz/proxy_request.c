/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a box says to the proxy: a request has a host and a port, and what is sent on is one head without a break.
 */
#include "daemon/proxy/proxy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    ProxyRequest request;
    proxy_request_parse((const char *)data, size, &request);
    g_assert((request.problem != NULL) == (request.host == NULL));
    if (request.host) {
        g_autofree char *again = g_strdup_printf(strchr(request.host->name, ':') ? "[%s]:%u" : "%s:%u",
                                                 request.host->name, request.host->port);
        ProxyHost *host = proxy_host_parse(again, NULL);
        g_assert(host && g_str_equal(host->name, request.host->name) && host->port == request.host->port);
        proxy_host_free(host);
    }
    if (request.head) {
        const char *end = strstr(request.head, "\r\n\r\n");
        g_assert(end && end[strlen("\r\n\r\n")] == '\0');
    }
    proxy_request_clear(&request);
    return 0;
}
