/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/manifest.h"

#include <string.h>

enum { MAX_NAME = 1024, MAX_ENV = 1024, MAX_MANIFESTS = 256 };

void manifest_clear(Manifest *manifest)
{
    g_clear_pointer(&manifest->config, g_free);
    g_clear_pointer(&manifest->layers, g_strfreev);
    g_clear_pointer(&manifest->reference, g_free);
}

void index_entry_clear(IndexEntry *entry)
{
    g_clear_pointer(&entry->digest, g_free);
    g_clear_pointer(&entry->reference, g_free);
}

void image_config_clear(ImageConfig *config)
{
    g_clear_pointer(&config->architecture, g_free);
    g_clear_pointer(&config->diff_ids, g_strfreev);
    g_clear_pointer(&config->env, g_strfreev);
    g_clear_pointer(&config->folder, g_free);
}

bool manifest_is_digest(const char *text)
{
    static const char prefix[] = "sha256:";
    const gsize n_hex = 64;
    return g_str_has_prefix(text, prefix) && strlen(text) == strlen(prefix) + n_hex &&
           strspn(text + strlen(prefix), "0123456789abcdef") == n_hex;
}

static cJSON *parse(const char *what, const char *text, gsize length, GError **error)
{
    cJSON *json = length <= MANIFEST_MAX_BYTES ? json_parse(text, length, error) : NULL;
    if (!json && length > MANIFEST_MAX_BYTES)
        error_set(error, RUBRIC_ERROR_LIMIT, "%s is longer than %d bytes", what, MANIFEST_MAX_BYTES);
    else if (!json)
        g_prefix_error(error, "%s: ", what);
    return json;
}

/* The strings of an array that `fits`; INVALID when one is none, or when there are more than `max`. */
static char **read_strings(const cJSON *array, const char *what, int max, bool (*fits)(const char *), GError **error)
{
    g_autoptr(GStrvBuilder) strings = g_strv_builder_new();
    const cJSON *item;
    if (cJSON_GetArraySize(array) > max) {
        error_set(error, RUBRIC_ERROR_LIMIT, "the image has more than %d %s", max, what);
        return NULL;
    }
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item) || strlen(item->valuestring) > MAX_NAME || !fits(item->valuestring)) {
            error_set(error, RUBRIC_ERROR_INVALID, "the image's %s are not as they must be", what);
            return NULL;
        }
        g_strv_builder_add(strings, item->valuestring);
    }
    return g_strv_builder_end(strings);
}

static bool is_text(const char *text)
{
    return *text != '\0';
}

static char *copy_reference(const char *text)
{
    return text && *text && strlen(text) <= MAX_NAME ? g_strdup(text) : NULL;
}

/* ---- docker ----------------------------------------------------------------------------------------------------- */

bool manifest_parse_docker(const char *text, gsize length, Manifest *ret, GError **error)
{
    g_autoptr(cJSON) json = parse("manifest.json", text, length, error);
    const char *config;
    const cJSON *layers;
    if (!json)
        return false;
    int n = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
    if (n != 1)
        return error_set(error, RUBRIC_ERROR_INVALID, "manifest.json tells of %d images; save one image alone", n);
    const cJSON *image = cJSON_GetArrayItem(json, 0);
    if (!json_get_string(image, "Config", &config, error) || !json_get_array(image, "Layers", &layers, error)) {
        g_prefix_error(error, "manifest.json: ");
        return false;
    }
    ret->layers = read_strings(layers, "layers", MANIFEST_MAX_LAYERS, is_text, error);
    if (!ret->layers)
        return false;
    if (!*config || strlen(config) > MAX_NAME)
        return error_set(error, RUBRIC_ERROR_INVALID, "manifest.json: the name of the configuration is none");
    ret->config = g_strdup(config);
    const cJSON *tags = cJSON_GetObjectItemCaseSensitive(image, "RepoTags");
    const cJSON *tag = cJSON_IsArray(tags) ? cJSON_GetArrayItem(tags, 0) : NULL;
    ret->reference = copy_reference(cJSON_GetStringValue(tag));
    return true;
}

/* ---- OCI -------------------------------------------------------------------------------------------------------- */

static bool get_digest(const cJSON *descriptor, const char **ret, GError **error)
{
    if (!json_get_string(descriptor, "digest", ret, error))
        return false;
    return manifest_is_digest(*ret) || error_set(error, RUBRIC_ERROR_INVALID, "a digest is not sha256: and 64 digits");
}

static bool is_index_type(const char *type)
{
    return g_str_equal(type, "application/vnd.oci.image.index.v1+json") ||
           g_str_equal(type, "application/vnd.docker.distribution.manifest.list.v2+json");
}

/* What names no platform is for any; what is for "unknown" is a note about another image. */
static bool is_for_us(const cJSON *descriptor, const char *architecture)
{
    const cJSON *platform = cJSON_GetObjectItemCaseSensitive(descriptor, "platform");
    return !cJSON_IsObject(platform) || (g_str_equal(json_string_or(platform, "os", "linux"), "linux") &&
                                         g_str_equal(json_string_or(platform, "architecture", ""), architecture));
}

bool manifest_parse_index(const char *text, gsize length, const char *architecture, IndexEntry *ret, GError **error)
{
    g_autoptr(cJSON) json = parse("the image's index", text, length, error);
    const cJSON *manifests, *item, *found = NULL;
    const char *digest;
    int n_found = 0;
    if (!json || !json_get_array(json, "manifests", &manifests, error))
        return false;
    if (cJSON_GetArraySize(manifests) > MAX_MANIFESTS)
        return error_set(error, RUBRIC_ERROR_LIMIT, "the image's index has more than %d entries", MAX_MANIFESTS);
    cJSON_ArrayForEach(item, manifests)
    {
        if (!is_for_us(item, architecture))
            continue;
        found = item;
        n_found++;
    }
    if (n_found == 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "there is no image for linux on %s in it", architecture);
    if (n_found > 1)
        return error_set(error, RUBRIC_ERROR_INVALID, "it holds %d images; save one image alone", n_found);
    if (!get_digest(found, &digest, error))
        return false;
    const cJSON *notes = cJSON_GetObjectItemCaseSensitive(found, "annotations");
    const char *name = json_string_or(notes, "io.containerd.image.name", NULL);
    ret->digest = g_strdup(digest);
    ret->reference = copy_reference(name ? name : json_string_or(notes, "org.opencontainers.image.ref.name", NULL));
    ret->is_index = is_index_type(json_string_or(found, "mediaType", ""));
    return true;
}

bool manifest_parse_oci(const char *text, gsize length, Manifest *ret, GError **error)
{
    g_autoptr(cJSON) json = parse("the image's manifest", text, length, error);
    g_autoptr(GStrvBuilder) digests = g_strv_builder_new();
    const cJSON *config, *layers, *item;
    const char *config_digest;
    if (!json || !json_get_object(json, "config", &config, error) || !json_get_array(json, "layers", &layers, error) ||
        !get_digest(config, &config_digest, error))
        return false;
    if (cJSON_GetArraySize(layers) > MANIFEST_MAX_LAYERS)
        return error_set(error, RUBRIC_ERROR_LIMIT, "the image has more than %d layers", MANIFEST_MAX_LAYERS);
    cJSON_ArrayForEach(item, layers)
    {
        const char *digest;
        if (!get_digest(item, &digest, error))
            return false;
        g_strv_builder_add(digests, digest);
    }
    *ret = (Manifest){.config = g_strdup(config_digest), .layers = g_strv_builder_end(digests)};
    return true;
}

/* ---- the configuration ------------------------------------------------------------------------------------------ */

static bool is_variable(const char *text)
{
    return *text != '=' && strchr(text, '=') != NULL;
}

bool manifest_parse_config(const char *text, gsize length, ImageConfig *ret, GError **error)
{
    g_autoptr(cJSON) json = parse("the image's configuration", text, length, error);
    const cJSON *rootfs, *diff_ids;
    if (!json || !json_get_object(json, "rootfs", &rootfs, error) ||
        !json_get_array(rootfs, "diff_ids", &diff_ids, error))
        return false;
    ret->diff_ids = read_strings(diff_ids, "digests", MANIFEST_MAX_LAYERS, manifest_is_digest, error);
    if (!ret->diff_ids)
        return false;
    ret->architecture = g_strdup(json_string_or(json, "architecture", NULL));
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(json, "config");
    ret->env = read_strings(cJSON_GetObjectItemCaseSensitive(run, "Env"), "variables", MAX_ENV, is_variable, error);
    if (!ret->env)
        return false;
    const char *folder = json_string_or(run, "WorkingDir", "");
    ret->folder = *folder == '/' && strlen(folder) <= MAX_NAME ? g_strdup(folder) : NULL;
    return true;
}
