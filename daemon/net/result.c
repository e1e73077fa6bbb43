/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/net.h"
