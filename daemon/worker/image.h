/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a verdict for the programs that its checks ran with.
 */
#pragma once

#include "daemon/worker/worker.h"

/* `of_host`, and behind it " NAME:sha256:..." or " folder:PATH" for each image that the rubric names and that is there,
 * in the rubric's order, each once. Caller frees. */
char *image_digest_with(const char *of_host, const Rubric *rubric, const char *images_folder);
