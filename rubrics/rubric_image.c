/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/images.h"
#include "rubrics/rubric_load.h"

#include <string.h>

void rubric_image_free(RubricImage *image)
{
    g_free(image->name);
    g_free(image->digest);
    g_free(image->folder);
    g_free(image);
}

static bool digest_is_good(const char *digest)
{
    static const char algorithm[] = "sha256:";
    const gsize hex_length = 64;
    const char *hex = digest + strlen(algorithm);
    return g_str_has_prefix(digest, algorithm) && strlen(hex) == hex_length &&
           strspn(hex, "0123456789abcdef") == hex_length;
}

/* NAME, or NAME@sha256:HEX */
static bool read_name(RubricImage *image, const YamlNode *node, Diagnostics *diagnostics)
{
    const gsize max_shown = 100;
    const char *text = yaml_scalar(node), *at = strchr(text, '@');
    image->name = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text);
    image->digest = at ? g_strdup(at + 1) : NULL;
    g_autofree char *shown = text_truncate(text, max_shown);
    if (!image_name_is_good(image->name))
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "image: \"%s\" is not the name of an image, as `rubric image list` shows it, nor host nor {folder: "
                    "PATH}",
                    shown);
    else if (image->digest && !digest_is_good(image->digest))
        yaml_report(node, diagnostics, SEVERITY_ERROR, "image: \"%s\" is not NAME@sha256: and 64 hexadecimal digits",
                    shown);
    else
        return true;
    return false;
}

static bool read_folder(RubricImage *image, const YamlNode *node, Diagnostics *diagnostics)
{
    YamlReader reader;
    yaml_reader_start(&reader, node, "image", diagnostics);
    image->folder = g_strdup(yaml_read_text(&reader, "folder", YAML_REQUIRED, NULL));
    yaml_reader_end(&reader);
    if (!image->folder)
        return false;
    if (*image->folder == '/')
        return true;
    yaml_report(yaml_get(node, "folder"), diagnostics, SEVERITY_ERROR, "folder: \"%s\" is not an absolute path",
                image->folder);
    return false;
}

const RubricImage *rubric_load_image(RubricLoad *load, YamlReader *reader)
{
    const YamlNode *node = yaml_read_node(reader, "image", YAML_OPTIONAL);
    if (!node)
        return load->image;
    if (yaml_kind(node) == YAML_SCALAR && g_str_equal(yaml_scalar(node), "host"))
        return NULL;
    RubricImage *image = g_new0(RubricImage, 1);
    *image = (RubricImage){.line = yaml_line(node), .column = yaml_column(node)};
    bool is_good = yaml_kind(node) == YAML_SCALAR ? read_name(image, node, reader->diagnostics)
                                                  : read_folder(image, node, reader->diagnostics);
    if (!is_good) {
        rubric_image_free(image);
        return NULL;
    }
    g_ptr_array_add(load->rubric->images, image);
    return image;
}

const RubricImage *rubric_load_common_image(const RubricLoad *load)
{
    return load->image;
}
