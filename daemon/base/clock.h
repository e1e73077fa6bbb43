/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks. Instants are microseconds since 1970-01-01T00:00:00Z (`_us`, int64); spans use the monotonic clock.
 * The wall clock can be shifted by a constant, so that a term can be rehearsed; nothing else in the product reads time.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define CLOCK_SECOND_US G_GINT64_CONSTANT(1000000)
#define CLOCK_HOUR_US   (3600 * CLOCK_SECOND_US)
#define CLOCK_DAY_US    (24 * CLOCK_HOUR_US)

/* The wall clock, shifted by clock_set_offset_us. */
gint64 clock_now_us(void);

/* The monotonic clock: for spans and deadlines of our own waiting, never stored. */
gint64 clock_monotonic_us(void);

/* Shifts clock_now_us by `offset_us` in this process. */
void clock_set_offset_us(gint64 offset_us);
/* By how much it is shifted: what another clock says is shifted as much before the two are compared. */
gint64 clock_offset_us(void);

/* "2022-09-21T23:59:00.000000Z": always UTC, six digits, so that text order is time order. Caller frees. */
char *clock_format_utc(gint64 instant_us);

/* "Wed 21 Sep 2022, 23:59 EDT": for people, in `zone`. Caller frees. */
char *clock_format_local(gint64 instant_us, GTimeZone *zone);

/* Reads ISO 8601 ("2022-09-21T23:59:00-04:00", "2022-09-21 23:59", seconds and fraction optional, 'T' or one blank).
 * Without an offset the time is in `zone`; a local time that DST skips or repeats resolves to the earlier instant's
 * offset, as GLib does. Anything else: RUBRIC_ERROR_INVALID. */
bool clock_parse(const char *text, GTimeZone *zone, gint64 *ret_us, GError **error);

/* "2 days 3 h", "45 min", "20 s": at most two units, rounded down; for sentences. Caller frees. */
char *clock_format_span(gint64 span_us);
