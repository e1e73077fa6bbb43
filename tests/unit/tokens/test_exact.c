/* SPDX-License-Identifier: Apache-2.0 */
/* Fractions, also where they grow too long. */
#include "daemon/tokens/gradebook.h"
#include "tests/unit/tokens/fixture.h"

static Exact of(gint64 numerator, gint64 denominator)
{
    return exact_of(numerator, denominator);
}

START_TEST(thirds_add_up_to_one)
{
    Exact sum = exact_add(exact_add(of(1, 3), of(1, 3)), of(1, 3));
    ck_assert_int_eq(exact_compare(sum, of(1, 1)), 0);
    ck_assert_int_eq(exact_round_milli(exact_multiply(of(2, 3), of(3, 4))), 500);
    ck_assert_int_eq(exact_compare(of(2, 3), of(666667, 1000000)), -1);
    ck_assert_int_eq(exact_compare(of(-1, 2), of(-1, 3)), -1);
}
END_TEST

START_TEST(halves_of_a_thousandth_go_up)
{
    ck_assert_int_eq(exact_round_milli(of(1, 2000)), 1);
    ck_assert_int_eq(exact_round_milli(of(4999, 10000000)), 0);
    ck_assert_int_eq(exact_round_milli(of(-1, 2000)), 0);
    ck_assert_int_eq(exact_round_milli(of(-3, 2000)), -1);
    ck_assert_int_eq(exact_round_milli(of(2, 3)), 667);
}
END_TEST

START_TEST(assignments_without_a_common_measure_go_on_with_decimals)
{
    static const gint64 primes[] = {100003, 100019, 100043, 100049, 100057, 100069, 100103, 100109, 100129, 100151};
    Exact sum = of(0, 1), product = of(1, 1);
    double near_sum = 0, near_product = 1;
    for (gsize i = 0; i < G_N_ELEMENTS(primes); i++) {
        sum = exact_add(sum, of(primes[i] / 3, primes[i]));
        near_sum += (double)(primes[i] / 3) / (double)primes[i];
        product = exact_multiply(product, of(primes[i] - 7, primes[i]));
        near_product *= (double)(primes[i] - 7) / (double)primes[i];
    }
    const double milli = 1000.0;
    ck_assert_int_eq(exact_round_milli(sum), (gint64)(near_sum * milli + 0.5));
    ck_assert_int_eq(exact_round_milli(product), (gint64)(near_product * milli + 0.5));
    ck_assert_int_eq(exact_compare(sum, of(33, 10)), 1);
    ck_assert_int_eq(exact_compare(product, of(1, 1)), -1);
    ck_assert_int_eq(exact_compare(exact_multiply(sum, product), sum), -1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("exact");
    tcase_add_test(tcase, thirds_add_up_to_one);
    tcase_add_test(tcase, halves_of_a_thousandth_go_up);
    tcase_add_test(tcase, assignments_without_a_common_measure_go_on_with_decimals);
    return fixture_main(tcase, "exact");
}
