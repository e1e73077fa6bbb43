/* SPDX-License-Identifier: Apache-2.0 */
/* Running a command, and the service that it tests, in boxes. */
#include "graders/command.h"

#include "graders/preparation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

void command_outcome_clear(CommandOutcome *outcome)
{
    box_result_clear(&outcome->box);
    box_result_clear(&outcome->service);
    g_clear_pointer(&outcome->connections, g_free);
    g_clear_pointer(&outcome->service_problem, g_free);
}

static const char the_command[] = "the check's command";

static bool explain_failure(int code, GError **error)
{
    if (code == -ECANCELED)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the check was stopped before it ended");
    return error_set_errno(error, -code, "cannot run a box");
}

/* SIGKILL that no limit explains: from the machine (its own memory ran out, an operator), or from the program itself.
 * Nobody can tell which, so it is ours, and a TA's when it comes again and again. */
static bool was_killed(const BoxStatus *status, const char *what, GError **error)
{
    bool is_killed = status->end == BOX_END_SIGNALED && status->signal == SIGKILL;
    if (is_killed)
        error_set(error, RUBRIC_ERROR_TEMPORARY,
                  "%s was killed, and no limit explains it: by the machine, or by itself", what);
    return is_killed;
}

/* A course's own command that lacks something says so by its exit status, and what is killed from outside was not
 * judged: that must not cost a student anything. */
static bool could_judge(const Command *command, const CommandOutcome *outcome, GError **error)
{
    const gsize max_words = 200;
    const BoxResult *result = &outcome->box;
    bool has_lost_service = command->service && !outcome->service_was_stopped;
    if (was_killed(&result->status, the_command, error))
        return false;
    if (result->status.end != BOX_END_EXITED || result->status.exit_code != command->error_exit || has_lost_service)
        return true;
    const BoxBytes *said = result->err.length > 0 ? &result->err : &result->out;
    g_autofree char *words = text_last(said->data, said->length, max_words);
    return error_set(error, RUBRIC_ERROR_TEMPORARY, "the check's command says that it could not judge: %s",
                     g_strstrip(words));
}

static bool was_refused(const BoxStatus *status, GError **error)
{
    if (status->end == BOX_END_REFUSED)
        error_set(error, RUBRIC_ERROR_SYSTEM, "the box could not be made: %s", status->message);
    return status->end == BOX_END_REFUSED;
}

/* Clear *ret_result also after a failure. */
static bool run_box(const Check *check, GraderContext *context, BoxSpec *spec, BoxResult *ret_result, GError **error)
{
    int code = context->run_box(context, check, spec, ret_result);
    return code == 0 ? !was_refused(&ret_result->status, error) : explain_failure(code, error);
}

bool command_run_box(const Check *check, GraderContext *context, BoxSpec *spec, BoxResult *ret_result, GError **error)
{
    *ret_result = (BoxResult){0};
    bool is_run =
        run_box(check, context, spec, ret_result, error) && !was_killed(&ret_result->status, the_command, error);
    if (!is_run)
        box_result_clear(ret_result);
    return is_run;
}

static bool run_command(const Command *command, const CommandInput *input, const Check *check, GraderContext *context,
                        const CheckNetwork *network, CommandOutcome *outcome, GError **error)
{
    g_auto(Preparation) preparation = {.workspace_fd = -1, .stdin_fd = -1};
    if (!preparation_make(command, input, context, network, &preparation, error))
        return false;
    BoxSpec spec = preparation_spec(&preparation, command, input);
    return run_box(check, context, &spec, &outcome->box, error);
}

/* ---- a service -----------------------------------------------------------------------------------------------------
 */

static BoxBeside *start_service(const CommandService *service, const Preparation *preparation, const Check *check,
                                GraderContext *context, GError **error)
{
    const CommandInput no_input = {0};
    BoxBeside *box = NULL;
    BoxSpec spec = preparation_spec(preparation, &service->command, &no_input);
    spec.limits = service_limits(service, check);
    int code = context->start_box(context, check, &spec, &box);
    if (code < 0)
        explain_failure(code, error);
    return box;
}

/* Stops it if it runs. */
static bool finish_service(BoxBeside *box, CommandOutcome *outcome, GError **error)
{
    int code = box_beside_finish(box, &outcome->service);
    outcome->service_was_stopped = code == -ECANCELED;
    if (code < 0 && code != -ECANCELED)
        return explain_failure(code, error);
    if (was_refused(&outcome->service.status, error)) {
        g_prefix_error(error, "the service: ");
        return false;
    }
    return outcome->service_was_stopped || !was_killed(&outcome->service.status, "the service", error);
}

static void explain_unready(const CommandService *service, ServiceState state, const char *lacks,
                            CommandOutcome *outcome)
{
    g_autofree char *name = command_name(&service->command);
    if (state == SERVICE_ENDED)
        outcome->service_problem = g_strdup_printf("the service `%s` ended before it was ready", name);
    else
        outcome->service_problem = g_strdup_printf("the service `%s` was not ready within %.3g s: %s", name,
                                                   (double)service->within_us / CLOCK_SECOND_US, lacks);
}

static bool run_with_service(const Command *command, const CommandInput *input, const Check *check,
                             GraderContext *context, const CheckNetwork *network, CommandOutcome *outcome,
                             GError **error)
{
    const CommandService *service = command->service;
    const CommandInput no_input = {0};
    g_autofree char *lacks = NULL;
    g_auto(Preparation) preparation = {.workspace_fd = -1, .stdin_fd = -1};
    if (!preparation_make(&service->command, &no_input, context, network, &preparation, error))
        return false;
    BoxBeside *box = start_service(service, &preparation, check, context, error);
    if (!box)
        return false;
    ServiceState state = service_wait(service, network->boxes, box, &lacks);
    if (state != SERVICE_READY)
        explain_unready(service, state, lacks, outcome);
    bool is_run = state != SERVICE_READY || run_command(command, input, check, context, network, outcome, error);
    return finish_service(box, outcome, is_run ? error : NULL) && is_run;
}

bool command_run(const Command *command, const CommandInput *input, const Check *check, GraderContext *context,
                 CommandOutcome *ret_outcome, GError **error)
{
    g_auto(CommandOutcome) outcome = {0};
    CheckNetwork network = {0};
    bool is_shared = command->hosts || command->service;
    if (is_shared && !check_network_open(context, command->hosts, context->placeholders, &network, error))
        return false;
    bool is_run = command->service ? run_with_service(command, input, check, context, &network, &outcome, error)
                                   : run_command(command, input, check, context, &network, &outcome, error);
    check_network_close(&network, &outcome.connections);
    if (!is_run || (!outcome.service_problem && !could_judge(command, &outcome, error)))
        return false;
    *ret_outcome = outcome;
    outcome = (CommandOutcome){0};
    return true;
}

bool command_check_folder(const Command *command, const GraderContext *context, char **ret_problem, GError **error)
{
    const char *wanted = command->service ? command->service->command.folder : command->folder;
    *ret_problem = NULL;
    if (!wanted)
        return true;
    g_autofree char *folder = placeholders_expand(context->placeholders, wanted, error);
    if (!folder)
        return false;
    if (*folder == '/')
        return true;
    file_autofd int fd = file_open_beneath(context->workspace_fd, folder, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        *ret_problem = g_strdup_printf("the submission has no folder \"%s\"", folder);
    return true;
}
