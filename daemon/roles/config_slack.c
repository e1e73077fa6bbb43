/* SPDX-License-Identifier: Apache-2.0 */
/* `- slack: {...}` of the sinks: where the staff's digests go. */
#include <string.h>

#include "daemon/roles/config_parse.h"

void notice_config_free(gpointer data)
{
    NoticeConfig *notice = data;
    g_free(notice->name);
    g_free(notice->url_file);
    g_free(notice);
}

static void read_about(YamlReader *reader, NoticeConfig *notice)
{
    const YamlNode *at = yaml_get(reader->mapping, "about");
    g_auto(GStrv) names = yaml_read_texts(reader, "about", YAML_OPTIONAL);
    notice->about_flags = notice->about_trouble = !at;
    for (gsize i = 0; names && names[i]; i++) {
        bool is_flags = strcmp(names[i], "flags") == 0, is_trouble = strcmp(names[i], "trouble") == 0;
        notice->about_flags |= is_flags;
        notice->about_trouble |= is_trouble;
        if (!is_flags && !is_trouble)
            yaml_report(at, reader->diagnostics, SEVERITY_ERROR,
                        "no digest is about \"%s\": expected flags, trouble or both", names[i]);
    }
    if (at && !notice->about_flags && !notice->about_trouble)
        yaml_report(at, reader->diagnostics, SEVERITY_ERROR, "expected flags, trouble or both");
}

void config_read_slack(ConfigParse *parse, YamlReader *reader, const char *name)
{
    const gint64 default_every_us = 900 * CLOCK_SECOND_US, default_timeout_us = 10 * CLOCK_SECOND_US;
    NoticeConfig *notice = g_new0(NoticeConfig, 1);
    g_ptr_array_add(parse->config->notices, notice);
    notice->name = g_strdup(name);
    notice->url_file = config_read_secret_path(parse, reader, "url_file");
    if (!notice->url_file)
        yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR,
                    "url_file is missing: a file with the URL of an incoming webhook, closed to others");
    notice->every_us = yaml_read_span_us(reader, "every", YAML_OPTIONAL, default_every_us);
    if (notice->every_us < CLOCK_SECOND_US)
        yaml_report(yaml_get(reader->mapping, "every"), reader->diagnostics, SEVERITY_ERROR, "expected at least 1s");
    notice->timeout_ms = MAX(yaml_read_span_us(reader, "timeout", YAML_OPTIONAL, default_timeout_us) / 1000, 1);
    read_about(reader, notice);
}
