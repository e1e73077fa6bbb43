/* SPDX-License-Identifier: Apache-2.0 */
/* What an import needs of the folder of images. */
#pragma once

#include "daemon/images/images.h"

/* A new folder in it that is no image. *ret_lock_fd keeps it from the sweep that each call begins with: what a killed
 * process left there goes. Caller frees, removes what is left, and closes. */
char *shelf_temporary(const char *images_folder, int *ret_lock_fd, GError **error);
/* Writes the image's description into its folder. */
bool shelf_write(const char *folder, const Image *image, GError **error);
