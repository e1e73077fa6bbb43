/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders given: the corpus as a regression test, on any compiler. */
#include "daemon/base/base.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int main(int argc, char **argv)
{
    const gsize max_input = 64 << 20;
    unsigned n_inputs = 0;
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) folder = g_dir_open(argv[i], 0, &error);
        if (!folder) {
            fprintf(stderr, "replay: %s\n", error->message);
            return 1;
        }
        for (const char *name = g_dir_read_name(folder); name; name = g_dir_read_name(folder)) {
            g_autofree char *path = g_build_filename(argv[i], name, NULL);
            g_autofree char *data = NULL;
            gsize size;
            if (!file_read(path, max_input, &data, &size, &error)) {
                fprintf(stderr, "replay: %s\n", error->message);
                return 1;
            }
            LLVMFuzzerTestOneInput((const guint8 *)data, size);
            n_inputs++;
        }
    }
    printf("%u inputs replayed\n", n_inputs);
    return n_inputs > 0 ? 0 : 1;
}
