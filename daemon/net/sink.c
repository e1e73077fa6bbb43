/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/net.h"

PostOutcome sink_post(Sink *sink, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id, GError **error)
{
    PostOutcome outcome = sink->class->post(sink, effect, ret_retry_at_us, ret_external_id, error);
    if (outcome != POST_DONE)
        g_prefix_error(error, "sink \"%s\": ", sink->name);
    return outcome;
}

void sink_free(Sink *sink)
{
    if (!sink)
        return;
    char *name = sink->name;
    sink->class->free(sink);
    g_free(name);
}
