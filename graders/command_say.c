/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a command, in words. */
#include "graders/command.h"

#include "daemon/proxy/proxy.h"
#include "graders/service.h"

#include <string.h>

char *command_name(const Command *command)
{
    const gsize max_shown = 120;
    g_autofree char *joined = command->shell ? g_strdup(command->shell) : g_strjoinv(" ", command->argv);
    g_strdelimit(joined, "\n", ' ');
    return text_escape_terminal(g_strchomp(joined), max_shown);
}

bool command_ended_normally(const CommandOutcome *outcome)
{
    return !outcome->service_problem && outcome->box.status.end == BOX_END_EXITED;
}

static char *status_sentence(const BoxLimits *limits, const BoxStatus *status)
{
    char sentence[512];
    return g_strdup(box_status_sentence(status, limits, sentence, sizeof(sentence)));
}

static char *service_sentence(const Command *command, const Check *check, const CommandOutcome *outcome)
{
    BoxLimits limits = service_limits(command->service, check);
    return outcome->service_was_stopped ? g_strdup("ran until it was stopped")
                                        : status_sentence(&limits, &outcome->service.status);
}

static char *wanted_exits(const Command *command)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < command->exits->len; i++)
        g_string_append_printf(text, "%s%d", i > 0 ? " or " : "", g_array_index(command->exits, int, i));
    return g_string_free(text, FALSE);
}

char *command_problem(const Command *command, const Check *check, const CommandOutcome *outcome)
{
    const BoxStatus *status = &outcome->box.status;
    if (outcome->service_problem) {
        g_autofree char *end = service_sentence(command, check, outcome);
        return outcome->service_was_stopped ? g_strdup(outcome->service_problem)
                                            : g_strdup_printf("%s: it %s", outcome->service_problem, end);
    }
    if (!command_ended_normally(outcome))
        return status_sentence(&check->limits, status);
    bool is_right = command->any_exit;
    for (guint i = 0; i < command->exits->len; i++)
        is_right |= g_array_index(command->exits, int, i) == status->exit_code;
    if (is_right)
        return NULL;
    g_autofree char *sentence = status_sentence(&check->limits, status), *wanted = wanted_exits(command);
    return g_strdup_printf("%s; status %s was expected", sentence, wanted);
}

static char *add_reason(char *problem, const char *reason)
{
    char *whole = g_strdup_printf("%s; %s", problem, reason);
    g_free(problem);
    return whole;
}

char *command_explain(const Command *command, const Check *check, const CommandOutcome *outcome, char *problem)
{
    g_autofree char *refused = outcome->connections ? proxy_log_refused(outcome->connections) : NULL;
    if (!problem)
        return NULL;
    if (command->service && !outcome->service_problem && !outcome->service_was_stopped) {
        g_autofree char *name = command_name(&command->service->command),
                        *end = service_sentence(command, check, outcome);
        g_autofree char *reason = g_strdup_printf("the service `%s` had not lived that long: it %s", name, end);
        problem = add_reason(problem, reason);
    }
    if (refused) {
        g_autofree char *reason =
            g_strdup_printf("it asked for %s, which is not one of the hosts that this check opens", refused);
        problem = add_reason(problem, reason);
    }
    return problem;
}

char *command_suspicion(const CommandOutcome *outcome)
{
    g_autofree char *unreached = outcome->connections ? proxy_log_unreached(outcome->connections) : NULL;
    return unreached ? g_strdup_printf("a host that the check opens could not be reached: %s", unreached) : NULL;
}

/* ---- evidence -----------------------------------------------------------------------------------------------------
 */

static void append_words(GString *text, const char *title, const BoxBytes *bytes, gsize max_words)
{
    if (bytes->length == 0 || max_words == 0)
        return;
    g_autofree char *words = text_last(bytes->data, bytes->length, max_words);
    g_string_append_printf(text, "\n--- %s%s ---\n%s%s", bytes->length > max_words ? "end of " : "", title, words,
                           g_str_has_suffix(words, "\n") ? "" : "\n");
}

void command_append_words(GString *text, const char *title, const BoxBytes *bytes)
{
    const gsize max_words = 6000;
    append_words(text, title, bytes, max_words);
}

static void append_box(GString *text, const Command *command, const char *sentence, const BoxResult *result,
                       gsize max_words)
{
    g_autofree char *name = command_name(command);
    g_string_append_printf(text, "$ %s\n%s\n", name, sentence);
    append_words(text, "stdout", &result->out, max_words);
    append_words(text, "stderr", &result->err, max_words);
}

char *command_evidence(const Command *command, const Check *check, const CommandOutcome *outcome, bool shows_output)
{
    const gsize of_one = 6000, of_two = 3000;
    gsize max_words = !shows_output ? 0 : command->service ? of_two : of_one;
    const BoxResult *result = &outcome->box;
    GString *text = g_string_new(NULL);
    if (!outcome->service_problem) {
        g_autofree char *sentence = status_sentence(&check->limits, &result->status);
        append_box(text, command, sentence, result, max_words);
    }
    if (command->service) {
        g_autofree char *sentence = service_sentence(command, check, outcome);
        g_string_append(text, text->len > 0 ? "\n--- service ---\n" : "--- service ---\n");
        append_box(text, &command->service->command, sentence, &outcome->service, max_words);
    }
    if (outcome->connections)
        g_string_append_printf(text, "\n--- connections ---\n%s",
                               *outcome->connections ? outcome->connections : "none\n");
    return g_string_free(text, FALSE);
}

cJSON *command_figures(const BoxStatus *status)
{
    gsize length = box_status_json(status, NULL, 0);
    g_autofree char *text = g_malloc0(length + 1);
    box_status_json(status, text, length + 1);
    cJSON *json = json_parse(text, strlen(text), NULL);
    return json ? json : cJSON_CreateObject();
}

cJSON *command_outcome_figures(const Command *command, const CommandOutcome *outcome)
{
    cJSON *figures = cJSON_CreateObject();
    if (!outcome->service_problem)
        json_add(figures, "box", command_figures(&outcome->box.status));
    if (command->service) {
        cJSON *service = json_add(figures, "service", command_figures(&outcome->service.status));
        json_add_bool(service, "stopped", outcome->service_was_stopped);
    }
    return figures;
}
