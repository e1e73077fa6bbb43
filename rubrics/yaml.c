/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"
