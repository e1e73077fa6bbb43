/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long a = 0, b = 1;
    if (argc < 2) {
        fprintf(stderr, "Error: Insufficient arguments.\n");
        return 1;
    }
    for (int i = 1; i < atoi(argv[1]); i++) {
        long next = a + b;
        a = b;
        b = next;
    }
    printf("%ld\n", b);
    return 0;
}
