/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/clock.h"

#include "daemon/base/error.h"

#include <string.h>
#include <time.h>

/* The one piece of process-wide state: set once in main() from the configuration, before anything reads the clock. */
static gint64 wall_offset_us;

static gint64 read_clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (gint64)now.tv_sec * CLOCK_SECOND_US + now.tv_nsec / 1000;
}

gint64 clock_now_us(void)
{
    return read_clock_us(CLOCK_REALTIME) + wall_offset_us;
}

gint64 clock_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

void clock_set_offset_us(gint64 offset_us)
{
    wall_offset_us = offset_us;
}

gint64 clock_offset_us(void)
{
    return wall_offset_us;
}

/* Seconds and a non-negative rest, also before 1970. */
static void split_us(gint64 instant_us, gint64 *ret_seconds, gint64 *ret_rest_us)
{
    gint64 rest = instant_us % CLOCK_SECOND_US;
    if (rest < 0)
        rest += CLOCK_SECOND_US;
    *ret_rest_us = rest;
    *ret_seconds = (instant_us - rest) / CLOCK_SECOND_US;
}

char *clock_format_utc(gint64 instant_us)
{
    gint64 seconds, rest_us;
    split_us(instant_us, &seconds, &rest_us);
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(seconds);
    if (!when)
        return g_strdup_printf("@%" G_GINT64_FORMAT "us", instant_us);
    g_autofree char *head = g_date_time_format(when, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%06" G_GINT64_FORMAT "Z", head, rest_us);
}

char *clock_format_local(gint64 instant_us, GTimeZone *zone)
{
    gint64 seconds, rest_us;
    split_us(instant_us, &seconds, &rest_us);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;
    return local ? g_date_time_format(local, "%a %-d %b %Y, %H:%M %Z") : clock_format_utc(instant_us);
}

bool clock_parse(const char *text, GTimeZone *zone, gint64 *ret_us, GError **error)
{
    g_autofree char *iso = g_strdup(text);
    g_strstrip(iso);
    size_t length = strlen(iso);
    if (length > 10 && (iso[10] == ' ' || iso[10] == 't'))
        iso[10] = 'T';

    /* GLib wants seconds; people write 23:59. The offset, if any, follows the minutes. */
    g_autofree char *full = NULL;
    bool minutes_only = length >= 16 && iso[10] == 'T' && iso[13] == ':' && iso[16] != ':';
    if (minutes_only)
        full = g_strdup_printf("%.16s:00%s", iso, iso + 16);
    else if (length == 10)
        full = g_strdup_printf("%sT00:00:00", iso);
    else
        full = g_steal_pointer(&iso);

    g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(full, zone);
    if (!when)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "\"%s\" is not a time; write it like \"2022-09-21 23:59\" or \"2022-09-21T23:59:00-04:00\"",
                         text);
    *ret_us = g_date_time_to_unix(when) * CLOCK_SECOND_US + g_date_time_get_microsecond(when);
    return true;
}

char *clock_format_span(gint64 span_us)
{
    static const struct {
        gint64 size_us;
        const char *one, *many;
    } units[] = {
        {CLOCK_DAY_US, "day", "days"},
        {CLOCK_HOUR_US, "h", "h"},
        {60 * CLOCK_SECOND_US, "min", "min"},
        {CLOCK_SECOND_US, "s", "s"},
    };
    gint64 rest_us = ABS(span_us);
    GString *out = g_string_new(NULL);
    unsigned n_written = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(units) && n_written < 2; i++) {
        gint64 count = rest_us / units[i].size_us;
        rest_us %= units[i].size_us;
        if (count == 0 && !(n_written == 0 && i == G_N_ELEMENTS(units) - 1))
            continue;
        g_string_append_printf(out, "%s%" G_GINT64_FORMAT " %s", n_written ? " " : "", count,
                               count == 1 ? units[i].one : units[i].many);
        n_written++;
    }
    return g_string_free(out, FALSE);
}
