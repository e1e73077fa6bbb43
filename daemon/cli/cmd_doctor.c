/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric doctor`: what this machine gives, what it lacks, how to mend it. */
#include "daemon/cli/cli.h"
#include "sandbox/sandbox.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FACTS = 32 };

typedef struct {
    BoxFact facts[MAX_FACTS];
    gsize n;
} Facts;

static BoxFact *add_fact(Facts *facts, const char *name, bool holds, const char *mend)
{
    if (facts->n == MAX_FACTS)
        return NULL;
    BoxFact *fact = &facts->facts[facts->n++];
    *fact = (BoxFact){.name = name, .holds = holds, .is_required = true};
    if (!holds)
        g_strlcpy(fact->mend, mend, sizeof fact->mend);
    return fact;
}

static void examine_programs(Facts *facts)
{
    static const char *const own[] = {"rubric-box", "rubric-worker"};
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++) {
        g_autofree char *path = process_own_program(own[i], NULL);
        BoxFact *fact = add_fact(facts, own[i], path != NULL,
                                 "install rubricd anew: its programs belong together (`./dev install`)");
        if (fact)
            g_strlcpy(fact->detail, path ? path : "not found beside `rubric`, nor in the libexec folder",
                      sizeof fact->detail);
    }
    g_autofree char *git = g_find_program_in_path("git");
    BoxFact *fact = add_fact(facts, "git", git != NULL, "apt-get install git");
    if (fact)
        g_strlcpy(fact->detail, git ? git : "not found; repositories cannot be fetched", sizeof fact->detail);
}

static void examine_boxes(Facts *facts)
{
    g_autofree char *program = process_own_program("rubric-box", NULL);
    BoxClient *client;
    if (!program || box_client_new(program, NULL, &client) < 0)
        return;
    gsize room = MAX_FACTS - facts->n;
    gsize n = box_examine_machine(client, facts->facts + facts->n, room);
    facts->n += MIN(n, room);
    box_client_free(client);
}

static const char *verdict_of(const BoxFact *fact)
{
    if (fact->holds)
        return "ok";
    return fact->is_required ? "MISSING" : "weaker";
}

/* As lines that can be copied. */
static void print_mend(const BoxFact *fact)
{
    g_auto(GStrv) lines = g_strsplit(fact->mend, "\n", -1);
    for (char **line = lines; *line; line++)
        printf("%s    %s\n", line == lines ? "    mend:\n" : "", *line);
}

static void print_table(const Facts *facts)
{
    bool colour = cli_use_colour(fileno(stdout));
    for (gsize i = 0; i < facts->n; i++) {
        const BoxFact *fact = &facts->facts[i];
        const char *paint = fact->holds ? "\033[32m" : fact->is_required ? "\033[31m" : "\033[33m";
        g_autofree char *detail = text_escape_terminal(fact->detail, sizeof fact->detail);
        printf("%s%-8s%s %-16s %s\n", colour ? paint : "", verdict_of(fact), colour ? "\033[0m" : "", fact->name,
               detail);
        print_mend(fact);
    }
}

static void print_json(const Facts *facts)
{
    cJSON *list = cJSON_CreateArray();
    for (gsize i = 0; i < facts->n; i++) {
        const BoxFact *fact = &facts->facts[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", fact->name);
        cJSON_AddBoolToObject(object, "holds", fact->holds);
        cJSON_AddBoolToObject(object, "required", fact->is_required);
        cJSON_AddStringToObject(object, "detail", fact->detail);
        if (*fact->mend)
            cJSON_AddStringToObject(object, "mend", fact->mend);
        cJSON_AddItemToArray(list, object);
    }
    char *text = cJSON_Print(list);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(list);
}

static int run(int argc, char **argv)
{
    gboolean json = FALSE;
    GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "As JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_doctor, entries, &argc, &argv))
        return EXIT_USAGE;
    Facts facts = {.n = 0};
    examine_programs(&facts);
    examine_boxes(&facts);
    if (json)
        print_json(&facts);
    else
        print_table(&facts);
    for (gsize i = 0; i < facts.n; i++) {
        if (!facts.facts[i].holds && facts.facts[i].is_required)
            return EXIT_PROBLEMS;
    }
    return EXIT_DONE;
}

const Command cmd_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "what this machine gives to boxes, what it lacks, and how to mend it",
    .run = run,
};
