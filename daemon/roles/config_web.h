/* SPDX-License-Identifier: Apache-2.0 */
/* `web:` of rubricd.yaml. */
#pragma once

#include "daemon/roles/roles.h"

/* NULL: there is none, or it was reported. */
WebConfig *web_config_read(YamlReader *outer);
void web_config_free(WebConfig *config);
