/* SPDX-License-Identifier: Apache-2.0 */
#include "attack.h"

#include <unistd.h>

static int run_script(const char *script)
{
    execl("/bin/sh", "sh", "-c", script, NULL);
    return GAVE_UP;
}

int main(int argc, char **argv)
{
    const Attack *const groups[] = {process_attacks, resource_attacks, file_attacks, report_attacks, kernel_attacks,
                                    network_attacks, remnant_attacks,  root_attacks, shell_attacks};
    for (size_t i = 0; argc >= 2 && i < sizeof groups / sizeof *groups; i++) {
        for (const Attack *attack = groups[i]; attack->name; attack++) {
            if (strcmp(attack->name, argv[1]) == 0)
                return attack->run ? attack->run() : run_script(attack->script);
        }
    }
    fprintf(stderr, "attack-cases: there is no such attack\n");
    return 2;
}
