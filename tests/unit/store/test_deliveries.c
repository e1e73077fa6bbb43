/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

static bool insert(const char *source, const char *guid, gint64 received_us)
{
    DeliveryRow row = {.source = (char *)source,
                       .guid = (char *)guid,
                       .event = (char *)"push",
                       .repository = (char *)"org/t1",
                       .body = (char *)"{\"ref\":\"refs/heads/main\"}",
                       .received_us = received_us};
    bool is_new = false;
    ck_assert_good(store_delivery_insert(store, &row, &is_new, error));
    return is_new;
}

START_TEST(a_delivery_sent_again_counts_once)
{
    ck_assert(insert("github", "one", 10));
    ck_assert(!insert("github", "one", 20));
    ck_assert(insert("elsewhere", "one", 30));
    g_autoptr(GPtrArray) waiting = store_delivery_list_new(store, "github", 10, NULL);
    ck_assert_uint_eq(waiting->len, 1);
    const DeliveryRow *row = g_ptr_array_index(waiting, 0);
    ck_assert_int_eq(row->received_us, 10);
    ck_assert_str_eq(row->state, "new");
    ck_assert_str_eq(row->event, "push");
    ck_assert_str_eq(row->repository, "org/t1");
    ck_assert_str_eq(row->body, "{\"ref\":\"refs/heads/main\"}");
    ck_assert_ptr_null(row->action);
}
END_TEST

START_TEST(deliveries_are_listed_in_order_till_they_are_finished)
{
    insert("github", "b", 1);
    insert("github", "a", 2);
    insert("github", "c", 3);
    g_autoptr(GPtrArray) two = store_delivery_list_new(store, "github", 2, NULL);
    ck_assert_uint_eq(two->len, 2);
    const DeliveryRow *first = g_ptr_array_index(two, 0);
    const DeliveryRow *second = g_ptr_array_index(two, 1);
    ck_assert_str_eq(first->guid, "b");
    ck_assert_str_eq(second->guid, "a");
    ck_assert_good(store_delivery_finish(store, first->id, false, NULL, error));
    ck_assert_good(store_delivery_finish(store, second->id, true, "of no team", error));
    ck_assert_fails(store_delivery_finish(store, second->id, false, NULL, error), RUBRIC_ERROR_DENIED);
    g_autoptr(GPtrArray) rest = store_delivery_list_new(store, "github", 2, NULL);
    ck_assert_uint_eq(rest->len, 1);
    ck_assert_str_eq(((const DeliveryRow *)g_ptr_array_index(rest, 0))->guid, "c");
}
END_TEST

START_TEST(only_finished_deliveries_are_forgotten_by_age)
{
    insert("github", "waits", 1);
    insert("github", "old", 2);
    insert("github", "young", 3);
    g_autoptr(GPtrArray) all = store_delivery_list_new(store, "github", 10, NULL);
    for (guint i = 1; i < all->len; i++)
        ck_assert_good(
            store_delivery_finish(store, ((const DeliveryRow *)g_ptr_array_index(all, i))->id, false, NULL, error));
    ck_assert_good(store_delivery_prune(store, 3, error));
    ck_assert(insert("github", "old", 9));
    ck_assert(!insert("github", "waits", 9));
    ck_assert(!insert("github", "young", 9));
}
END_TEST

START_TEST(too_many_waiting_deliveries_are_refused)
{
    ck_assert_good(store_begin(store, error));
    for (int i = 0; i < 10000; i++) {
        g_autofree char *guid = g_strdup_printf("%d", i);
        insert("github", guid, i);
    }
    ck_assert_good(store_commit(store, error));
    DeliveryRow row = {.source = (char *)"github", .guid = (char *)"more", .event = (char *)"push"};
    bool is_new;
    ck_assert_fails(store_delivery_insert(store, &row, &is_new, error), RUBRIC_ERROR_LIMIT);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("deliveries");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_delivery_sent_again_counts_once);
    tcase_add_test(tcase, deliveries_are_listed_in_order_till_they_are_finished);
    tcase_add_test(tcase, only_finished_deliveries_are_forgotten_by_age);
    tcase_add_test(tcase, too_many_waiting_deliveries_are_refused);
    tcase_set_timeout(tcase, 60);
    return fixture_main(tcase, "deliveries");
}
