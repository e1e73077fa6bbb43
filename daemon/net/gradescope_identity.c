/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/gradescope_identity.h"

#include "daemon/net/source.h"

#include <string.h>

static const char prefix[] = "submission_";

char *gradescope_submission_number(const char *key)
{
    const gsize max_digits = 20;
    const char *digits = g_str_has_prefix(key, prefix) ? key + strlen(prefix) : key;
    gsize n_digits = strspn(digits, "0123456789");
    if (n_digits == 0 || n_digits > max_digits || (digits[n_digits] != '\0' && digits[n_digits] != '.'))
        return NULL;
    return g_strndup(digits, n_digits);
}

static void replace_text(char **text, char *by)
{
    g_free(*text);
    *text = by;
}

void gradescope_identify(Submission *submission, const Assignment *assignment, const char *key)
{
    const char *ours = assignment ? assignment->id : "?";
    g_autofree char *number = gradescope_submission_number(key);
    replace_text(&submission->source, g_strdup("gradescope"));
    replace_text(&submission->revision, g_strdup("submitted"));
    replace_text(&submission->external_id,
                 number ? g_strconcat(ours, ":", prefix, number, NULL) : g_strconcat(ours, ":", key, NULL));
}

bool gradescope_find(Store *store, const Submission *named, Submission **ret, GError **error)
{
    g_autofree char *refused = g_strconcat(SOURCE_REFUSED, named->revision, NULL);
    *ret = NULL;
    return store_submission_find(store, named->source, named->external_id, named->revision, ret, error) &&
           (*ret || store_submission_find(store, named->source, named->external_id, refused, ret, error));
}

static bool close_flag(Store *store, const Submission *submission, const char *external_id, GError **error)
{
    g_autofree char *revision = g_strconcat(SOURCE_REFUSED, submission->revision, NULL);
    g_autoptr(Submission) refused = NULL;
    return store_submission_find(store, submission->source, external_id, revision, &refused, error) &&
           (!refused || store_flag_close(store, refused->id, "owner", "its owner is known by now", error));
}

bool gradescope_settle(Store *store, const Submission *submission, GError **error)
{
    const char *key = strchr(submission->external_id, ':');
    g_autofree char *of_nothing = g_strconcat("?", key ? key : "", NULL);
    return close_flag(store, submission, submission->external_id, error) &&
           close_flag(store, submission, of_nothing, error);
}
