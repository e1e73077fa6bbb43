/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sandbox/box_testing.h"

typedef struct {
    BoxStatus status;
    const char *sentence;
} SentenceCase;

static const SentenceCase sentences[] = {
    {{.end = BOX_END_EXITED, .exit_code = 1, .wall_us = 120000}, "exited with status 1 after 0.1 s"},
    {{.end = BOX_END_EXITED, .wall_us = 5200}, "exited with status 0 after 0.01 s"},
    {{.end = BOX_END_EXITED, .wall_us = 1000000, .oom_killed = true},
     "exited with status 0 after 1.0 s; one of its processes was ended for using more than 512 MB of memory"},
    {{.end = BOX_END_EXITED, .exit_code = 2, .wall_us = 1000000, .hit_processes = true},
     "exited with status 2 after 1.0 s; it tried to have more than 64 processes or threads at once"},
    {{.end = BOX_END_EXITED, .wall_us = 1000000, .hit_disk = true},
     "exited with status 0 after 1.0 s; it filled its disk of 256 MB"},
    {{.end = BOX_END_SIGNALED, .signal = 11, .wall_us = 2000000},
     "was ended by signal 11 (segmentation fault: bad memory access, or recursion without end) after 2.0 s"},
    {{.end = BOX_END_SIGNALED, .signal = 64, .wall_us = 2000000}, "was ended by signal 64 after 2.0 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_WALL, .wall_us = 60000000}, "ran longer than 60 seconds"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_CPU, .wall_us = 31000000},
     "used more than 30 seconds of processor time after 31.0 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_MEMORY, .wall_us = 3200000},
     "used more than 512 MB of memory after 3.2 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_PROCESSES, .wall_us = 3200000},
     "tried to have more than 64 processes or threads at once after 3.2 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_OUTPUT, .wall_us = 3200000}, "printed more than 1 MB after 3.2 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_DISK, .wall_us = 3200000},
     "wrote more than 256 MB or made more than 100000 files after 3.2 s"},
    {{.end = BOX_END_LIMIT, .limit = BOX_LIMIT_FILE, .wall_us = 3200000},
     "wrote a file larger than 256 MB after 3.2 s"},
    {{.end = BOX_END_REFUSED, .message = "no namespaces"}, "was not run: no namespaces"},
};

START_TEST(every_end_has_a_sentence)
{
    const SentenceCase *expected = &sentences[_i];
    BoxLimits limits = box_limits_default();
    char buffer[300];
    ck_assert_str_eq(box_status_sentence(&expected->status, &limits, buffer, sizeof buffer), expected->sentence);
}
END_TEST

START_TEST(odd_limits_are_said_as_they_are)
{
    BoxStatus status = {.end = BOX_END_LIMIT, .limit = BOX_LIMIT_MEMORY};
    BoxLimits limits = {.memory_bytes = (1 << 20) + (1 << 19)};
    char buffer[300];
    ck_assert_ptr_nonnull(strstr(box_status_sentence(&status, &limits, buffer, sizeof buffer), "1.5 MB"));
    limits.memory_bytes = 1500;
    ck_assert_ptr_nonnull(strstr(box_status_sentence(&status, &limits, buffer, sizeof buffer), "1.5 kB"));
    limits.memory_bytes = 1;
    ck_assert_ptr_nonnull(strstr(box_status_sentence(&status, &limits, buffer, sizeof buffer), "1 byte of"));
    limits.memory_bytes = INT64_C(2) << 30;
    ck_assert_ptr_nonnull(strstr(box_status_sentence(&status, &limits, buffer, sizeof buffer), "2 GB"));
    status.limit = BOX_LIMIT_WALL;
    limits.wall_ms = 1500;
    ck_assert_str_eq(box_status_sentence(&status, &limits, buffer, sizeof buffer), "ran longer than 1.5 seconds");
    limits.wall_ms = 1000;
    ck_assert_str_eq(box_status_sentence(&status, &limits, buffer, sizeof buffer), "ran longer than 1 second");
}
END_TEST

START_TEST(a_small_buffer_is_not_overrun)
{
    BoxStatus status = {.end = BOX_END_LIMIT, .limit = BOX_LIMIT_MEMORY};
    BoxLimits limits = box_limits_default();
    char buffer[12];
    memset(buffer, 'x', sizeof buffer);
    box_status_sentence(&status, &limits, buffer, 8);
    ck_assert_str_eq(buffer, "used mo");
    ck_assert_int_eq(buffer[8], 'x');
    box_status_json(&status, buffer, 8);
    ck_assert_int_eq(buffer[7], '\0');
    ck_assert_int_eq(buffer[8], 'x');
}
END_TEST

START_TEST(json_holds_all_and_says_its_length)
{
    BoxStatus status = {.end = BOX_END_REFUSED,
                        .exit_code = 3,
                        .limit = BOX_LIMIT_DISK,
                        .hit_disk = true,
                        .wall_us = 17,
                        .peak_memory_bytes = INT64_C(5000000000),
                        .missing = BOX_PROMISE_LANDLOCK | BOX_PROMISE_OWN_UID,
                        .message = "a \"quote\", a \\ and a \n line"};
    size_t size = box_status_json(&status, NULL, 0);
    g_autofree char *text = g_malloc(size);
    ck_assert_uint_eq(box_status_json(&status, text, size), size);
    ck_assert_uint_eq(strlen(text) + 1, size);
    g_autoptr(cJSON) json = json_parse(text, size - 1, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "end")), "refused");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "limit")), "disk");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "message")), status.message);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "missing")), 2);
    ck_assert_double_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "peak_memory_bytes")), 5e9);
}
END_TEST

START_TEST(names_of_promises_lead_back)
{
    for (uint32_t bit = 1; bit <= BOX_PROMISE_OWN_UID; bit <<= 1)
        ck_assert_uint_eq(box_promise_from_name(box_promise_name((BoxPromise)bit)), bit);
    ck_assert_uint_eq(box_promise_from_name("nonsense"), 0);
    ck_assert_str_eq(box_promise_name((BoxPromise)(1 << 20)), "unknown");
    ck_assert_str_eq(box_end_name((BoxEnd)17), "unknown");
    ck_assert_str_eq(box_limit_name((BoxLimit)17), "unknown");
    ck_assert_str_eq(box_limit_name(BOX_LIMIT_OUTPUT), "output");
}
END_TEST

START_TEST(limits_not_given_are_filled)
{
    BoxLimits limits = {.wall_ms = 5}, defaults = box_limits_default();
    box_limits_fill(&limits, &defaults);
    ck_assert_int_eq(limits.wall_ms, 5);
    ck_assert_int_eq(limits.cpu_ms, 30000);
    ck_assert_int_eq(limits.stack_bytes, 64 << 20);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("status");
    tcase_add_loop_test(tests, every_end_has_a_sentence, 0, G_N_ELEMENTS(sentences));
    tcase_add_test(tests, odd_limits_are_said_as_they_are);
    tcase_add_test(tests, a_small_buffer_is_not_overrun);
    tcase_add_test(tests, json_holds_all_and_says_its_length);
    tcase_add_test(tests, names_of_promises_lead_back);
    tcase_add_test(tests, limits_not_given_are_filled);
    Suite *suite = suite_create("sandbox/status");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
