/* SPDX-License-Identifier: Apache-2.0 */
/* Private to daemon/tokens/: exact fractions, and tables from outside. */
#pragma once

#include "daemon/tokens/tokens.h"

Exact exact_of(gint64 numerator, gint64 denominator);
Exact exact_add(Exact a, Exact b);
Exact exact_multiply(Exact a, Exact b);

/* Whom a cell of a table from outside means: an id, else any of a person's names. NULL after reporting. Borrowed. */
const Person *table_person(const Course *course, const char *file, const CsvCell *cell, Diagnostics *diagnostics);
