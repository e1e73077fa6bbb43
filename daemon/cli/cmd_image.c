/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric image`: images that checks and boxes may have as their root. */
#include "daemon/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *folder, *name;
    gboolean replaces, json;
} Options;

static void options_clear(Options *options)
{
    g_free(options->folder);
    g_free(options->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static void print_json(const Image *image)
{
    g_autoptr(cJSON) json = image_to_json(image);
    g_autofree char *text = json_print(json);
    puts(text);
}

static void print_line(const Image *image)
{
    g_autofree char *size = text_size(image->bytes);
    g_autofree char *reference = text_escape_terminal(image->reference ? image->reference : "-", 100);
    printf("%-24s %-19.19s %10s  %s\n", image->name, image->digest, size, reference);
}

static int run_import(const Options *options, const char *folder, const char *path)
{
    GError *error = NULL;
    if (options->name && !image_name_is_good(options->name))
        return cli_fail(&cmd_image, EXIT_USAGE,
                        "--name: \"%s\" is not a name of an image: up to 64 of a-z, 0-9, '.', '_' and '-'",
                        options->name);
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_fail(&cmd_image, EXIT_PROBLEMS, "cannot open \"%s\": %s", path, g_strerror(errno));
    g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
    const ImageLimits limits = image_limits_default();
    g_autoptr(Image) image = image_import(folder, fd, options->name, options->replaces, &limits, remarks, &error);
    if (!image) {
        g_prefix_error(&error, "\"%s\" was not imported: ", path);
        return cli_fail_error(&cmd_image, error);
    }
    for (guint i = 0; i < remarks->len; i++)
        cli_fail(&cmd_image, 0, "%s", (const char *)g_ptr_array_index(remarks, i));
    if (options->json)
        print_json(image);
    else
        print_line(image);
    return EXIT_DONE;
}

static int run_list(const Options *options, const char *folder)
{
    GError *error = NULL;
    g_autoptr(GPtrArray) images = image_list(folder, &error);
    if (!images)
        return cli_fail_error(&cmd_image, error);
    for (guint i = 0; i < images->len; i++) {
        const Image *image = g_ptr_array_index(images, i);
        if (options->json)
            print_json(image);
        else
            print_line(image);
    }
    return EXIT_DONE;
}

static int run_remove(const char *folder, const char *name)
{
    GError *error = NULL;
    return image_remove(folder, name, &error) ? EXIT_DONE : cli_fail_error(&cmd_image, error);
}

static int run(int argc, char **argv)
{
    g_auto(Options) options = {0};
    GOptionEntry entries[] = {
        {"images", 0, 0, G_OPTION_ARG_FILENAME, &options.folder, "Where images are kept ($RUBRIC_IMAGES, the daemon's)",
         "FOLDER"},
        {"name", 'n', 0, G_OPTION_ARG_STRING, &options.name, "import: what rubrics call it", "NAME"},
        {"replace", 0, 0, G_OPTION_ARG_NONE, &options.replaces, "import: instead of the image of that name", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "One JSON object a line", NULL},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_image, entries, &argc, &argv))
        return EXIT_USAGE;
    g_autofree char *folder = options.folder ? g_canonicalize_filename(options.folder, NULL) : cli_images_folder();
    const char *what = argc > 1 ? argv[1] : "";
    if (argc == 3 && g_str_equal(what, "import"))
        return run_import(&options, folder, argv[2]);
    if (argc == 2 && g_str_equal(what, "list"))
        return run_list(&options, folder);
    if (argc == 3 && g_str_equal(what, "remove"))
        return run_remove(folder, argv[2]);
    return cli_fail(&cmd_image, EXIT_USAGE, "expected import FILE, list, or remove NAME");
}

const Command cmd_image = {
    .name = "image",
    .arguments = "import FILE | list | remove NAME",
    .summary = "images that boxes run in",
    .run = run,
};
