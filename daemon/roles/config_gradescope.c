/* SPDX-License-Identifier: Apache-2.0 */
/* `gradescope:` of rubricd.yaml: the account of the web session. */
#include "daemon/roles/config_parse.h"

GradescopeConfig *config_read_gradescope(ConfigParse *parse, YamlReader *outer)
{
    const gint64 default_pace_us = 2 * CLOCK_SECOND_US;
    const YamlNode *node = yaml_read_mapping(outer, "gradescope", YAML_OPTIONAL);
    if (!node)
        return NULL;
    GradescopeConfig *config = g_new0(GradescopeConfig, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "gradescope", outer->diagnostics);
    config->url = config_read_base_url(&reader, "url", "https://www.gradescope.com");
    config->account_file = config_read_secret_path(parse, &reader, "account_file");
    config->pace_us = MAX(yaml_read_span_us(&reader, "pace", YAML_OPTIONAL, default_pace_us), 0);
    if (!config->account_file)
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "gradescope: account_file is missing: two lines, the e-mail address and the password of an account "
                    "that is staff of the course");
    yaml_reader_end(&reader);
    return config;
}

void config_read_gradescope_sink(ConfigParse *parse, YamlReader *reader, SinkConfig *sink)
{
    const gint64 default_tries = 5;
    sink->max_tries = yaml_read_integer(reader, "max_tries", YAML_OPTIONAL, default_tries, 1, config_max_tries);
    if (!parse->config->gradescope)
        yaml_report(reader->mapping, parse->diagnostics, SEVERITY_ERROR,
                    "a sink \"gradescope\" needs the account: write gradescope: at the top level");
}
