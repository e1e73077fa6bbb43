/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame that a worker answers with: {"report": ...} or {"error": {"code": "temporary", "message": "..."}}.
 */
#pragma once

#include "daemon/worker/worker.h"

enum { REPLY_MAX_BYTES = 64 << 20, JOB_MAX_BYTES = 4 << 20 };

/* Caller frees. */
char *reply_of_report(const WorkerReport *report);
char *reply_of_error(const GError *failure);
/* The report, or the worker's own error as if it had happened here. TEMPORARY: it is no reply at all. */
WorkerReport *reply_parse(const char *text, gsize length, GError **error);

/* {"code", "message"} and back, also between a worker and its child. Errors of other domains become SYSTEM. */
cJSON *error_to_json(const GError *failure);
void error_from_json(const cJSON *json, GError **error);
