/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that is taken over is as the header says. */
static void try_manifest(bool is_read, Manifest *manifest)
{
    assert(!is_read ||
           (manifest->config && manifest->layers && g_strv_length(manifest->layers) <= MANIFEST_MAX_LAYERS));
    manifest_clear(manifest);
}

static void try_config(const char *text, size_t size)
{
    ImageConfig config = {0};
    bool is_read = manifest_parse_config(text, size, &config, NULL);
    for (char **id = config.diff_ids; id && *id; id++)
        assert(manifest_is_digest(*id));
    for (char **variable = config.env; variable && *variable; variable++)
        assert(strchr(*variable, '=') > *variable);
    assert(!is_read || !config.folder || *config.folder == '/');
    image_config_clear(&config);
}

static void try_index(const char *text, size_t size)
{
    IndexEntry entry = {0};
    assert(!manifest_parse_index(text, size, "amd64", &entry, NULL) || manifest_is_digest(entry.digest));
    index_entry_clear(&entry);
}

/* The same text for each of the four: they are told apart by where they lie, not by what they hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Manifest manifest = {0};
    g_autofree char *text = g_strndup((const char *)data, size);
    try_manifest(manifest_parse_docker(text, size, &manifest, NULL), &manifest);
    try_manifest(manifest_parse_oci(text, size, &manifest, NULL), &manifest);
    try_index(text, size);
    try_config(text, size);
    return 0;
}
