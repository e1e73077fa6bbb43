/* SPDX-License-Identifier: Apache-2.0 */
/* What an import needs of the folder of images. */
#pragma once

#include "daemon/images/images.h"

/* A new folder in it that is no image. Caller frees, and removes what is left. */
char *shelf_temporary(const char *images_folder, GError **error);
/* Writes the image's description into its folder. */
bool shelf_write(const char *folder, const Image *image, GError **error);
