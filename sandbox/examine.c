/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"
size_t box_examine_machine(BoxClient *client, BoxFact *facts, size_t n)
{
    return 0;
}
