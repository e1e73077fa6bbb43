/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/graders.h"

#include "graders/builtin.h"

static const GraderType *const all_types[] = {
    &grader_autolab.type,
    &grader_files.type,
    &grader_git.type,
    &grader_gradescope.type,
    &grader_run.type,
    &grader_tests.type,
    NULL,
};

const GraderType *const *graders_all(void)
{
    return all_types;
}

static const Grader *grader_of(const Check *check)
{
    return (const Grader *)check->type; /* the type is its first member */
}

static void name_finding(Finding *finding, const Item *item, const Check *check)
{
    g_free(finding->item);
    g_free(finding->check);
    g_free(finding->grader);
    finding->item = g_strdup(item->id);
    finding->check = g_strdup(check->name);
    finding->grader = g_strdup(check->type->name);
}

/* Evidence comes from students: bounded, and valid UTF-8. */
static void bound_evidence(Finding *finding)
{
    const gsize max_evidence = 16 << 10;
    if (!finding->evidence)
        return;
    char *bounded = text_truncate(finding->evidence, max_evidence);
    g_free(finding->evidence);
    finding->evidence = bounded;
}

Finding *graders_error(const char *why)
{
    return finding_new(NULL, NULL, NULL, FINDING_ERROR, "this check could not be run, which is not your fault: %s",
                       why);
}

Finding *graders_judge(const Item *item, const Check *check, GraderContext *context)
{
    g_autoptr(GError) error = NULL;
    Finding *finding = NULL;
    if (!grader_of(check)->judge(check, context, &finding, &error))
        finding = graders_error(error ? error->message : "unknown");
    name_finding(finding, item, check);
    bound_evidence(finding);
    return finding;
}
