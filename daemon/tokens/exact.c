/* SPDX-License-Identifier: Apache-2.0 */
/* Fractions: a grade that lies on a cut-off is on it, not beside it. */
#include "daemon/tokens/gradebook.h"

static __int128 gcd(__int128 a, __int128 b)
{
    while (b != 0) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static Exact reduce(__int128 numerator, __int128 denominator)
{
    g_assert(denominator > 0);
    __int128 common = gcd(numerator, denominator);
    return common > 1 ? (Exact){numerator / common, denominator / common} : (Exact){numerator, denominator};
}

Exact exact_of(gint64 numerator, gint64 denominator)
{
    return reduce(numerator, denominator);
}

/* A fraction that has grown beyond what two of them can be reckoned with (many assignments whose points have no common
 * measure) goes on with 15 decimals. */
static Exact coarse(Exact value)
{
    const gint64 all = G_GINT64_CONSTANT(1000000000000000);
    __int128 whole = value.numerator / value.denominator, rest = value.numerator % value.denominator;
    __int128 denominator = value.denominator;
    while (denominator > G_MAXINT64) {
        denominator /= 2;
        rest /= 2;
    }
    return (Exact){whole * all + rest * all / denominator, all};
}

Exact exact_add(Exact a, Exact b)
{
    __int128 common = gcd(a.denominator, b.denominator);
    __int128 left = b.denominator / common, right = a.denominator / common;
    __int128 from_a, from_b, sum, denominator;
    bool is_too_long =
        __builtin_mul_overflow(a.numerator, left, &from_a) || __builtin_mul_overflow(b.numerator, right, &from_b) ||
        __builtin_add_overflow(from_a, from_b, &sum) || __builtin_mul_overflow(a.denominator, left, &denominator);
    if (!is_too_long)
        return reduce(sum, denominator);
    Exact near_a = coarse(a), near_b = coarse(b);
    return reduce(near_a.numerator + near_b.numerator, near_a.denominator);
}

static bool multiply(Exact a, Exact b, Exact *ret)
{
    Exact left = reduce(a.numerator, b.denominator), right = reduce(b.numerator, a.denominator);
    if (__builtin_mul_overflow(left.numerator, right.numerator, &ret->numerator) ||
        __builtin_mul_overflow(left.denominator, right.denominator, &ret->denominator))
        return false;
    *ret = reduce(ret->numerator, ret->denominator);
    return true;
}

Exact exact_multiply(Exact a, Exact b)
{
    Exact product;
    if (!multiply(a, b, &product) && !multiply(coarse(a), b, &product)) {
        bool is_short = multiply(coarse(a), coarse(b), &product);
        g_assert(is_short); /* 15 decimals each, and amounts below 10^7 */
    }
    return product;
}

int exact_compare(Exact a, Exact b)
{
    __int128 left, right;
    if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
        __builtin_mul_overflow(b.numerator, a.denominator, &right)) {
        left = coarse(a).numerator;
        right = coarse(b).numerator;
    }
    return left < right ? -1 : left > right;
}

gint64 exact_round_milli(Exact value)
{
    const gint64 one_milli = 1000;
    __int128 doubled, twice = value.denominator;
    if (__builtin_mul_overflow(value.numerator, one_milli * 2, &doubled) ||
        __builtin_add_overflow(doubled, value.denominator, &doubled) || __builtin_mul_overflow(twice, 2, &twice))
        return exact_round_milli(coarse(value));
    __int128 rounded = doubled / twice;
    return (gint64)(doubled < 0 && doubled % twice != 0 ? rounded - 1 : rounded);
}
