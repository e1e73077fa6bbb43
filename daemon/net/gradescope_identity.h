/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a Gradescope submission is in our books, whatever way it came: an export in a watched folder, `rubric gradescope
 * import`, the bridge, the web session. Two ways that bring the same submission find the same row.
 */
#pragma once

#include "daemon/store/store.h"
#include "rubrics/rubrics.h"

/* The number that Gradescope gave: of "submission_12", "submission_12.pdf" and "12" it is "12". NULL: not of this form.
 * Caller frees. */
char *gradescope_submission_number(const char *key);

/* Fills in source ("gradescope"), external id ("<our assignment>:submission_<number>") and revision ("submitted", since
 * what was handed in at Gradescope never changes, however it is packed), replacing what is there. `key` is as above;
 * one of another form stands for itself. `assignment` NULL: not told yet; such a row is only good for being refused. */
void gradescope_identify(Submission *submission, const Assignment *assignment, const char *key);

/* The row of a submission that was identified so: the one that has an owner, else the one that was refused. *ret NULL:
 * there is none. */
bool gradescope_find(Store *store, const Submission *named, Submission **ret, GError **error);

/* Closes the flag of what was refused before this submission, which has an owner: in its transaction. */
bool gradescope_settle(Store *store, const Submission *submission, GError **error);
