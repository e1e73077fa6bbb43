/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every layer above stands on and GLib does not give. Include this header; the ones below are its parts.
 */
#pragma once

#include <glib.h>

#include "daemon/base/backoff.h"
#include "daemon/base/clock.h"
#include "daemon/base/error.h"
#include "daemon/base/file.h"
#include "daemon/base/frame.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/base/process.h"
#include "daemon/base/text.h"
