/* SPDX-License-Identifier: Apache-2.0 */
/* The source github over a stand-in of GitHub with the repository project-t1, and a course that takes from it. */
#pragma once

#include "daemon/net/source_github.h"

#include "tests/unit/net/standin.h"

static const char organisation[] = "connections:\n"
                                   "  github: {organization: course, repositories: \"project-{team.id}\"}\n";
static const char roster[] = "id,name,email,team,github\n"
                             "alice,Alice A,student@example.edu,t1,student\n"
                             "bob,Bob B,bob@example.edu,t1,bob-gh\n"
                             "carol,Carol C,carol@example.edu,t2,carol-gh\n";

static Fixture f;
static Standin hub;
static Source *source;
static GithubConfig config;
static char *folder;

/* One stand-in for all: making its key takes longer than a test. */
static inline void start(void)
{
    folder = g_dir_make_tmp("rubric-source-github-XXXXXX", NULL);
    standin_start(&hub, folder, true);
}

static inline void stop(void)
{
    standin_stop(&hub);
    file_remove_tree(folder, NULL);
    g_free(folder);
}

static inline void setup(void)
{
    fixture_open(&f, organisation);
    fixture_write(f.course_folder, "roster.csv", roster);
    fixture_load_course(&f);
    standin_tell(&hub, "reset", "{}");
    config = hub.config;
    config.git = g_strdup_printf("file://%s/git", hub.folder);
    standin_tell(&hub, "repository", "{\"name\": \"project-t1\"}");
    source = source_github_new("github", &config, CLOCK_SECOND_US);
}

static inline void teardown(void)
{
    source_free(source);
    fixture_close(&f);
    g_free(config.git);
}

static inline void tell(const char *method, const char *format, ...) G_GNUC_PRINTF(2, 3);
static inline void tell(const char *method, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    standin_tell(&hub, method, text);
}

/* A push of one file; its text is what makes the commit. At `ago_s` seconds before now, by GitHub's clock. */
static inline char *push(const char *repository, const char *ref, const char *text, gint64 ago_s, const char *more)
{
    g_autofree char *arguments =
        g_strdup_printf("{\"repository\": \"%s\", \"ref\": \"%s\", \"files\": {\"answer.txt\": "
                        "\"%s\"}, \"at\": %" G_GINT64_FORMAT "%s}",
                        repository, ref, text, clock_now_us() / CLOCK_SECOND_US - ago_s, more);
    g_autoptr(cJSON) sha = standin_do(&hub, "push", arguments);
    ck_assert(cJSON_IsString(sha));
    return g_strdup(sha->valuestring);
}

/* A look that is due now, whatever the pace. */
static inline guint look(void)
{
    guint n_new = 0;
    ((GithubSource *)source)->next_look_mono_us = 0;
    ck_assert_good(source_poll(source, &f.context, &n_new, error));
    return n_new;
}

static inline void sweep(void)
{
    ((GithubSource *)source)->next_sweep_mono_us = 0;
    look();
}

static inline void restart(void)
{
    source_free(source);
    source = source_github_new("github", &config, CLOCK_SECOND_US);
}
