/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/compare.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* First byte: mode and options; the rest: expected text, a byte 0x01, what was got. A text equals itself; a difference
 * is a sentence that can be shown. */
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const CompareMode modes[] = {COMPARE_EXACT, COMPARE_TRAILING_SPACE, COMPARE_NUMERIC, COMPARE_UNORDERED,
                                        COMPARE_JSON};
    const gsize max_sentence = 1024;
    if (size == 0)
        return 0;
    CompareRule rule = {
        .mode = modes[data[0] % G_N_ELEMENTS(modes)],
        .ignore_case = data[0] & 0x80,
        .has_tolerance = data[0] & 0x40,
        .tolerance = COMPARE_DEFAULT_TOLERANCE,
    };
    const char *expected = (const char *)data + 1, *end = (const char *)data + size;
    const char *mark = memchr(expected, 0x01, size - 1);
    const char *got = mark ? mark + 1 : end;
    gsize expected_length = (gsize)((mark ? mark : end) - expected);
    g_autofree char *difference =
        compare_texts(&rule, expected, expected_length, got, (gsize)(end - got), !(data[0] & 0x20));
    g_assert(!difference || (strlen(difference) <= max_sentence && g_utf8_validate(difference, -1, NULL)));
    if (rule.mode == COMPARE_JSON)
        return 0; /* not every text is JSON */
    g_autofree char *same = compare_texts(&rule, expected, expected_length, expected, expected_length, true);
    g_assert(!same);
    return 0;
}
