/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a command to what its box is asked for: placeholders, folders made for this run, environment, input.
 */
#pragma once

#include "daemon/images/images.h"
#include "graders/network.h"
#include "graders/service.h"

/* Everything that a BoxSpec borrows. */
typedef struct {
    GraderContext *context;
    const CheckNetwork *network; /* borrowed */
    Placeholders *placeholders;
    char *workspace; /* seen as /work */
    int workspace_fd;
    char *own_folder; /* path of a workspace made for this run, or NULL */
    char *out_folder; /* path of what {out} is, or NULL */
    char **argv, **env, **reports;
    char *folder, *hidden;
    Image *image; /* an imported one, or NULL */
    const char *root;
    BoxBind bind;
    int stdin_fd;
} Preparation;

/* `network`: of the check's boxes, all NULL where each has its own. Clear *ret_preparation also after a failure. */
bool preparation_make(const Command *command, const CommandInput *input, GraderContext *context,
                      const CheckNetwork *network, Preparation *ret_preparation, GError **error);
void preparation_clear(Preparation *preparation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preparation, preparation_clear)

/* Borrows from all three. */
BoxSpec preparation_spec(const Preparation *preparation, const Command *command, const CommandInput *input);

/* Which programs there are is the instructor's business: false is an error of ours, never a student's fault.
 * *ret_image: an imported one, or NULL; *ret_root: of the box, of one of both arguments; NULL: the host's programs. */
bool wanted_image_find(const RubricImage *wanted, const char *images_folder, Image **ret_image, const char **ret_root,
                       GError **error);
/* Its name, its folder, or "" for the host. */
const char *wanted_image_name(const RubricImage *wanted);
