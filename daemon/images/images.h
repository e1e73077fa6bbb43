/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that courses bring: imported once from what `docker save` or `podman save` write, then shown to boxes as their
 * root. An image is a folder <images>/<name>/ with root/ (the files) and image.json (what this header calls Image).
 */
#pragma once

#include "daemon/base/base.h"

#include <cjson/cJSON.h>

typedef struct {
    char *name;      /* what rubrics call it */
    char *digest;    /* "sha256:...": of the image's configuration, what docker calls the image's id */
    char *reference; /* what it was called where it was made; NULL: nothing */
    char *root;      /* absolute path: for BoxSpec.root */
    char **env;      /* "NAME=VALUE", as the image wants them */
    char *folder;    /* its working folder, absolute; NULL: none */
    gint64 n_layers, n_entries, bytes;
    gint64 imported_us;
} Image;
void image_free(Image *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)

/* One to 64 of a-z 0-9 . _ -, the first a letter or digit. */
bool image_name_is_good(const char *name);

/* NOT_FOUND: names those that there are. */
Image *image_find(const char *images_folder, const char *name, GError **error);
/* By name; an images folder that is not there holds none. Of Image*. */
GPtrArray *image_list(const char *images_folder, GError **error);
/* NOT_FOUND. A box that runs with it sees its files vanish. */
bool image_remove(const char *images_folder, const char *name, GError **error);
/* Keys: name, digest, reference, root, env, folder, layers, entries, bytes, imported. */
cJSON *image_to_json(const Image *image);

/* The image's environment over `beneath` (NULL-terminated; NULL: over the box's own default, so that it is never
 * without PATH). Caller frees. */
char **image_environment(const Image *image, const char *const *beneath);

typedef struct {
    gint64 total_bytes; /* of all files, and again of the file that is imported: 32 GiB */
    gint64 n_entries;   /* of all layers: 2,000,000 */
    gint64 n_parts;     /* of the outer archive: 2,000 */
    gint64 depth;       /* folders in each other: 128 */
} ImageLimits;
ImageLimits image_limits_default(void);

/* Imports the archive or OCI layout folder behind `fd`. `name`: NULL takes the last part of what the image was called.
 * With `replaces` an image of that name is replaced, else that is INVALID. `remarks` (of char*) gets what was left out,
 * in sentences. INVALID: it is no image, or one that is refused, or its digests are wrong; LIMIT. */
Image *image_import(const char *images_folder, int fd, const char *name, bool replaces, const ImageLimits *limits,
                    GPtrArray *remarks, GError **error);

/* ---- what setup scripts make ----------------------------------------------------------------------------------------
 * A setup is what a script of an instructor's (setup.sh of an autograder) added to an image, or to the programs of this
 * machine: <images>/.setups/<key>/ with root/ (the files, by their places in the box) and setup.json. It is made once
 * and shown to the boxes of many submissions.
 */

typedef struct {
    char *key;
    char *root;  /* absolute path */
    int lock_fd; /* while it is open the setup is not removed */
} ImageSetup;
void image_setup_free(ImageSetup *setup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageSetup, image_setup_free)

/* NULL: nobody has made it. `key`: lower-case hex digits, and all that it is made from. */
ImageSetup *image_setup_find(const char *images_folder, const char *key);
/* Waits until nobody else makes the setup of that key. A descriptor: close it when it is made; -1: *error. */
int image_setup_lock(const char *images_folder, const char *key, GError **error);
/* Keeps a copy of all files, folders and links below `from` under `key`: modes become what the owner had, for
 * everybody; anything else (devices, pipes, set-id bits, attributes) is left out. `base`: digest of what it was made
 * on: a setup goes with the last image of its base, and when it was not used for a month. `words`: what the script
 * printed. LIMIT: over 4 GiB or 500,000 entries. */
ImageSetup *image_setup_keep(const char *images_folder, const char *key, const char *base, const char *from,
                             const char *words, GError **error);
/* What is not to be tried again at once: keeps `words` of a script that failed, for five minutes. */
bool image_setup_keep_failure(const char *images_folder, const char *key, const char *words, GError **error);
/* NULL: it has not failed lately. Caller frees. */
char *image_setup_failure(const char *images_folder, const char *key);
