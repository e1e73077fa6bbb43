/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a Gradescope submission is, told by the e-mails or student numbers of those who handed it in. */
#include "daemon/net/source.h"

void ownership_clear(Ownership *ownership)
{
    g_free(ownership->owner);
    g_free(ownership->why);
}

static const Person *find_submitter(const Course *course, const ExportSubmitter *submitter)
{
    const Person *person = submitter->email ? course_find_person(course, submitter->email) : NULL;
    return !person && submitter->sid ? course_find_person(course, submitter->sid) : person;
}

static void append_name(GString *names, const char *name)
{
    g_string_append_printf(names, "%s\"%s\"", names->len > 0 ? ", " : "", name);
}

Ownership source_ownership(const Course *course, const Assignment *assignment, const GPtrArray *submitters)
{
    g_autoptr(GHashTable) owners = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) unknown = g_string_new(NULL);
    g_autoptr(GString) known = g_string_new(NULL);
    for (guint i = 0; i < submitters->len; i++) {
        const ExportSubmitter *submitter = g_ptr_array_index(submitters, i);
        const Person *person = find_submitter(course, submitter);
        const char *owner = person ? source_owner_of(assignment, person) : NULL;
        if (owner && g_hash_table_add(owners, (gpointer)owner))
            append_name(known, owner);
        else if (!owner)
            append_name(unknown, submitter->email ? submitter->email : submitter->name ? submitter->name : "?");
    }
    guint n = g_hash_table_size(owners);
    const char *kind = owner_kind_name(assignment->owner_kind);
    if (n == 0)
        return (Ownership){
            .why = g_strdup_printf("no %s is known for the submitters %s: put their e-mails into roster.csv; it is "
                                   "graded at the next look, import or rerun then",
                                   kind, unknown->len > 0 ? unknown->str : "(none named)")};
    if (n > 1)
        return (Ownership){
            .why = g_strdup_printf("it was handed in for more than one %s (%s): it has to be one", kind, known->str)};
    GHashTableIter iter;
    gpointer owner = NULL;
    g_hash_table_iter_init(&iter, owners);
    g_hash_table_iter_next(&iter, &owner, NULL);
    return (Ownership){
        .owner = g_strdup(owner),
        .why = unknown->len > 0 ? g_strdup_printf("submitters that the roster does not know: %s", unknown->str) : NULL,
    };
}
