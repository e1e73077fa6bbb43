/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/command.h"

#include "graders/network.h"
#include "graders/pattern.h"
#include "graders/service.h"

#include <string.h>

static void check_texts(char *const *texts, const YamlNode *node, Diagnostics *diagnostics)
{
    for (gsize i = 0; texts && texts[i]; i++)
        placeholders_check(texts[i], node, diagnostics);
}

void command_read_short(Command *command, const YamlNode *node, Diagnostics *diagnostics)
{
    const int success = 0;
    if (!command->exits) {
        command->error_exit = -1;
        command->exits = g_array_new(FALSE, FALSE, sizeof(int));
        g_array_append_val(command->exits, success);
    }
    if (yaml_kind(node) == YAML_SCALAR && *yaml_scalar(node)) {
        command->shell = g_strdup(yaml_scalar(node));
        placeholders_check(command->shell, node, diagnostics);
        return;
    }
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
    bool is_list = yaml_kind(node) == YAML_SEQUENCE && yaml_length(node) > 0;
    for (gsize i = 0; is_list && i < yaml_length(node); i++) {
        const YamlNode *item = yaml_item(node, i);
        is_list = yaml_kind(item) == YAML_SCALAR && (i > 0 || *yaml_scalar(item));
        if (!is_list)
            break;
        g_strv_builder_add(argv, yaml_scalar(item));
        placeholders_check(yaml_scalar(item), item, diagnostics);
    }
    if (!is_list)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "a command is a text for the shell (\"make test\") or a list of a program and its arguments");
    command->argv = g_strv_builder_end(argv);
}

static bool name_is_variable(const char *name)
{
    if (!g_ascii_isalpha(*name) && *name != '_')
        return false;
    for (const char *at = name; *at; at++) {
        if (!g_ascii_isalnum(*at) && *at != '_')
            return false;
    }
    return true;
}

static char **read_environment(YamlReader *reader)
{
    const YamlNode *node = yaml_read_mapping(reader, "env", YAML_OPTIONAL);
    if (!node)
        return NULL;
    g_autoptr(GStrvBuilder) env = g_strv_builder_new();
    for (gsize i = 0; i < yaml_length(node); i++) {
        const YamlNode *key = yaml_key(node, i), *value = yaml_value(node, i);
        if (!name_is_variable(yaml_scalar(key)))
            yaml_report(key, reader->diagnostics, SEVERITY_ERROR, "env: \"%s\" is no name of a variable",
                        yaml_scalar(key));
        if (yaml_kind(value) != YAML_SCALAR) {
            yaml_report(value, reader->diagnostics, SEVERITY_ERROR, "env: expected text as value");
            continue;
        }
        placeholders_check(yaml_scalar(value), value, reader->diagnostics);
        g_autofree char *pair = g_strconcat(yaml_scalar(key), "=", yaml_scalar(value), NULL);
        g_strv_builder_add(env, pair);
    }
    return g_strv_builder_end(env);
}

static void add_exit(Command *command, const YamlNode *node, Diagnostics *diagnostics)
{
    const guint64 max_status = 255;
    guint64 value = 0;
    if (yaml_kind(node) != YAML_SCALAR ||
        !g_ascii_string_to_unsigned(yaml_scalar(node), 10, 0, max_status, &value, NULL)) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "exit: expected a status from 0 to 255, a list of them, or any");
        return;
    }
    int status = (int)value;
    g_array_append_val(command->exits, status);
}

static void read_exit(Command *command, YamlReader *reader)
{
    const YamlNode *node = yaml_read_node(reader, "exit", YAML_OPTIONAL);
    if (!node)
        return;
    g_array_set_size(command->exits, 0);
    if (yaml_kind(node) == YAML_SCALAR && g_str_equal(yaml_scalar(node), "any"))
        command->any_exit = true;
    else if (yaml_kind(node) == YAML_SEQUENCE && yaml_length(node) > 0)
        for (gsize i = 0; i < yaml_length(node); i++)
            add_exit(command, yaml_item(node, i), reader->diagnostics);
    else
        add_exit(command, node, reader->diagnostics);
}

static void add_calls(Command *command, const YamlNode *node, Diagnostics *diagnostics)
{
    if (yaml_kind(node) != YAML_SCALAR) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "allow: expected the name of a group of system calls");
        return;
    }
    uint32_t group = box_calls_from_name(yaml_scalar(node));
    command->calls |= group;
    if (group)
        return;
    const gsize max_shown = 60;
    g_autofree char *shown = text_truncate(yaml_scalar(node), max_shown);
    g_autofree char *all = g_strjoinv(", ", (char **)box_calls_names());
    const char *nearest = text_nearest(yaml_scalar(node), box_calls_names());
    if (nearest)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "allow: there is no group of system calls \"%s\"; did you mean \"%s\"?", shown, nearest);
    else
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "allow: there is no group of system calls \"%s\"; expected of %s", shown, all);
}

static void read_calls(Command *command, YamlReader *reader)
{
    const YamlNode *node = yaml_read_node(reader, "allow", YAML_OPTIONAL);
    if (!node)
        return;
    if (yaml_kind(node) != YAML_SEQUENCE) {
        add_calls(command, node, reader->diagnostics);
        return;
    }
    for (gsize i = 0; i < yaml_length(node); i++)
        add_calls(command, yaml_item(node, i), reader->diagnostics);
}

void command_read_program(Command *command, YamlReader *reader, const char *command_key, RubricLoad *load)
{
    const int success = 0;
    *command = (Command){.exits = g_array_new(FALSE, FALSE, sizeof(int)), .error_exit = -1};
    g_array_append_val(command->exits, success);
    const YamlNode *node = yaml_read_node(reader, command_key, YAML_REQUIRED);
    if (node)
        command_read_short(command, node, reader->diagnostics);
    command->args = yaml_read_texts(reader, "args", YAML_OPTIONAL);
    check_texts(command->args, reader->mapping ? yaml_get(reader->mapping, "args") : NULL, reader->diagnostics);
    command->env = read_environment(reader);
    command->folder = g_strdup(yaml_read_text(reader, "folder", YAML_OPTIONAL, NULL));
    if (command->folder)
        placeholders_check(command->folder, yaml_get(reader->mapping, "folder"), reader->diagnostics);
    command->profile =
        (BoxProfile)yaml_read_choice(reader, "profile", YAML_OPTIONAL, box_profile_names(), BOX_PROFILE_STRICT);
    command->image = rubric_load_image(load, reader);
    read_calls(command, reader);
}

/* The command's box has none of the submission's files then. */
static void check_beside_service(const Command *command, const YamlReader *reader)
{
    if (command->keeps_writes)
        yaml_report(yaml_get(reader->mapping, "keep"), reader->diagnostics, SEVERITY_ERROR,
                    "keep: with a service the command's box has nothing of the submission to keep writes in");
    if (command->folder && *command->folder != '/' && *command->folder != '{')
        yaml_report(
            yaml_get(reader->mapping, "folder"), reader->diagnostics, SEVERITY_ERROR,
            "folder: with a service the command's box has nothing of the submission; the service has a folder of "
            "its own, and {checks} is the folder of hidden:");
}

void command_read(Command *command, YamlReader *reader, const char *command_key, RubricLoad *load)
{
    command_read_program(command, reader, command_key, load);
    command->hidden = g_strdup(yaml_read_text(reader, "hidden", YAML_OPTIONAL, NULL));
    if (command->hidden)
        rubric_load_uses_file(load, command->hidden, yaml_get(reader->mapping, "hidden"), reader->diagnostics);
    command->keeps_writes = yaml_read_bool(reader, "keep", false);
    read_exit(command, reader);
    const gint64 no_status = -1, max_status = 255;
    command->error_exit = (int)yaml_read_integer(reader, "error_exit", YAML_OPTIONAL, no_status, 1, max_status);
    command->network = network_read(reader, load, &command->hosts);
    command->service = service_read(reader, load);
    if (command->service)
        check_beside_service(command, reader);
}

void command_check_path(const char *path, const YamlNode *node, Diagnostics *diagnostics)
{
    placeholders_check(path, node, diagnostics);
    const char *relative = *path == '/' ? path + 1 : path;
    const char *problem = glob_problem(relative);
    if (problem && !strstr(relative, "**"))
        yaml_report(node, diagnostics, SEVERITY_ERROR, "the path \"%s\" %s", path, problem);
}

void command_clear(Command *command)
{
    g_clear_pointer(&command->shell, g_free);
    g_clear_pointer(&command->argv, g_strfreev);
    g_clear_pointer(&command->args, g_strfreev);
    g_clear_pointer(&command->env, g_strfreev);
    g_clear_pointer(&command->folder, g_free);
    g_clear_pointer(&command->hidden, g_free);
    g_clear_pointer(&command->hosts, g_strfreev);
    g_clear_pointer(&command->service, service_free);
    g_clear_pointer(&command->exits, g_array_unref);
}
