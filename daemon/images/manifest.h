/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON texts of an image: foreign bytes in, checked data out. Each *ret is empty
 * before, and is to be cleared after, also when nothing came of it. */
#pragma once

#include "daemon/images/images.h"

enum { MANIFEST_MAX_BYTES = 4 << 20, MANIFEST_MAX_LAYERS = 512 };

/* Docker's manifest.json, and OCI's manifest with digests instead of names. */
typedef struct {
    char *config;
    char **layers;
    char *reference; /* or NULL */
} Manifest;
void manifest_clear(Manifest *manifest);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Manifest, manifest_clear)

/* manifest.json of a docker archive. INVALID also when it holds more than one image. */
bool manifest_parse_docker(const char *text, gsize length, Manifest *ret, GError **error);
bool manifest_parse_oci(const char *text, gsize length, Manifest *ret, GError **error);

/* Of an OCI index the one manifest, or index, for Linux on this architecture ("amd64"). */
typedef struct {
    char *digest;
    char *reference; /* or NULL */
    bool is_index;
} IndexEntry;
void index_entry_clear(IndexEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IndexEntry, index_entry_clear)
bool manifest_parse_index(const char *text, gsize length, const char *architecture, IndexEntry *ret, GError **error);

typedef struct {
    char *architecture; /* or NULL */
    char **diff_ids;    /* digests of the layers, unpacked */
    char **env;
    char *folder; /* or NULL */
} ImageConfig;
void image_config_clear(ImageConfig *config);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImageConfig, image_config_clear)
bool manifest_parse_config(const char *text, gsize length, ImageConfig *ret, GError **error);

/* Is it "sha256:" and 64 hex digits? */
bool manifest_is_digest(const char *text);
