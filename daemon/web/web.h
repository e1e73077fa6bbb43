/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role web: what others may ask of the daemon by HTTP. It takes GitHub's webhooks (POST /github/webhook) and
 * submissions of Gradescope's containers (/api/v1/gradescope/..., docs/rest.md), and says that it is alive (GET
 * /healthz). TLS is a reverse proxy's, docs/guides/operators.md.
 *
 * One thread, no callbacks into other roles: what comes in is stored and answered; others act on it.
 */
#pragma once

#include "daemon/roles/roles.h"

/* The loop, till killed; 1 when it cannot start or its store fails. */
int web_run(const Config *config, const char *instance);
