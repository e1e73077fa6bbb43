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

Exact exact_add(Exact a, Exact b)
{
    __int128 common = gcd(a.denominator, b.denominator);
    __int128 left = b.denominator / common, right = a.denominator / common;
    return reduce(a.numerator * left + b.numerator * right, a.denominator * left);
}

Exact exact_multiply(Exact a, Exact b)
{
    Exact left = reduce(a.numerator, b.denominator), right = reduce(b.numerator, a.denominator);
    return reduce(left.numerator * right.numerator, left.denominator * right.denominator);
}

int exact_compare(Exact a, Exact b)
{
    __int128 left = a.numerator * b.denominator, right = b.numerator * a.denominator;
    return left < right ? -1 : left > right;
}

gint64 exact_round_milli(Exact value)
{
    const gint64 one_milli = 1000;
    __int128 doubled = value.numerator * one_milli * 2 + value.denominator;
    __int128 rounded = doubled / (value.denominator * 2);
    return (gint64)(doubled < 0 && doubled % (value.denominator * 2) != 0 ? rounded - 1 : rounded);
}
