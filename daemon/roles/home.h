/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a state folder is at home: the machine and the path that its daemon runs at. A copy of the folder is another
 * store with the same debts: a daemon over it would post again, and charge in a book of its own.
 */
#pragma once

#include "daemon/roles/roles.h"

/* At the daemon's start. The first one makes its place the home. DENIED: the home is elsewhere, and nobody says by an
 * empty file `moved` in the folder that it was moved; that file is taken away once it was heeded. */
bool home_enter(Store *store, const Config *config, GError **error);
