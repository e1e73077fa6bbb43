/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What course.c (course.yaml, look-ups) and roster.c (people and teams) share.
 */
#pragma once

#include "rubrics/rubrics.h"

/* ---- people and teams ----------------------------------------------------------------------------------------------
 */

/* Letters, digits, '.', '_', '-', '+', '@', at most 64, beginning with a letter or digit: ids become file names. */
bool owner_id_is_valid(const char *id);

/* Reads the roster's text into course->people, sorted. */
void roster_parse(Course *course, const char *text, gsize length, Diagnostics *diagnostics);
/* Reads roster.csv of the course folder; none is fine: a course without people. */
void roster_load(Course *course, Diagnostics *diagnostics);
/* Reads `teams:` (may be NULL) and hangs the people into their teams. */
void teams_load(Course *course, const YamlNode *section, Diagnostics *diagnostics);

/* Reads an assignment's `parts:`, once its own keys are there. */
void parts_read(const Course *course, Assignment *assignment, YamlReader *outer);
/* A deadline without a time of day would mean its first minute, which nobody who writes it wants. */
gint64 course_read_deadline(YamlReader *reader, YamlNeed need, GTimeZone *zone, gint64 fallback);
void assignment_free(Assignment *assignment);

void person_free(Person *person);
void team_free(Team *team);
