/* SPDX-License-Identifier: Apache-2.0 */
/* Who pays: one account, or the members of a team by the course's rule. */
#include "daemon/tokens/policy.h"

void wallet_free(Wallet *wallet)
{
    g_free(wallet->account);
    g_array_unref(wallet->changes);
    g_free(wallet);
}

gint64 wallet_left(const Wallet *wallet)
{
    bool has_more = wallet->n_done < wallet->changes->len;
    gint64 ahead_milli = has_more ? g_array_index(wallet->changes, Change, wallet->n_done).ahead_milli : 0;
    return MAX(0, wallet->balance_milli - wallet->set_aside_milli + ahead_milli + wallet->bank->debt_milli);
}

gint64 wallet_budget(const Wallet *wallet, gint64 at_us)
{
    return at_us >= wallet->bank->expires_us ? 0 : wallet_left(wallet);
}

static gint64 by_rule(const Purse *purse, gint64 so_far, gint64 next)
{
    switch (purse->group) {
    case GROUP_ALL_MEMBERS:
        return MIN(so_far, next);
    case GROUP_ANY_MEMBER:
    case GROUP_EACH_MEMBER:
        return MAX(so_far, next);
    default:
        return so_far + next;
    }
}

gint64 purse_balance(const Purse *purse)
{
    gint64 all = 0;
    for (guint i = 0; i < purse->payers->len; i++) {
        gint64 own = ((const Wallet *)g_ptr_array_index(purse->payers, i))->balance_milli;
        all = i == 0 ? own : by_rule(purse, all, own);
    }
    return all;
}

gint64 purse_set_aside(const Purse *purse)
{
    gint64 most = 0;
    for (guint i = 0; i < purse->payers->len; i++)
        most = MAX(most, ((const Wallet *)g_ptr_array_index(purse->payers, i))->set_aside_milli);
    return most;
}

gint64 purse_budget(const Purse *purse, gint64 at_us)
{
    gint64 all = 0;
    for (guint i = 0; i < purse->payers->len; i++) {
        gint64 own = wallet_budget(g_ptr_array_index(purse->payers, i), at_us);
        all = i == 0 ? own : by_rule(purse, all, own);
    }
    return all;
}

static guint richest(const Purse *purse, const gint64 *given, gint64 at_us)
{
    guint best = 0;
    gint64 most = -1;
    for (guint i = 0; i < purse->payers->len; i++) {
        gint64 left = wallet_budget(g_ptr_array_index(purse->payers, i), at_us) - given[i];
        if (left > most) {
            most = left;
            best = i;
        }
    }
    return best;
}

gint64 *purse_split(const Purse *purse, gint64 amount_milli, gint64 at_us)
{
    const gint64 one_milli = 1000;
    gint64 *given = g_new0(gint64, MAX(1, purse->payers->len));
    if (purse->payers->len == 0)
        return given;
    switch (purse->group) {
    case GROUP_ALL_MEMBERS:
        for (guint i = 0; i < purse->payers->len; i++)
            given[i] = amount_milli;
        break;
    case GROUP_SHARED:
        /* One token after the other, from whoever has most left: the first of equals by name. */
        for (gint64 rest = amount_milli; rest > 0;) {
            guint payer = richest(purse, given, at_us);
            gint64 left = wallet_budget(g_ptr_array_index(purse->payers, payer), at_us) - given[payer];
            gint64 part = MIN(rest, MIN(left, one_milli));
            if (part <= 0)
                break;
            given[payer] += part;
            rest -= part;
        }
        break;
    default:
        given[richest(purse, given, at_us)] = amount_milli;
    }
    return given;
}
