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

gint64 wallet_room(const Wallet *wallet)
{
    return wallet->bank->most_milli == G_MAXINT64 ? G_MAXINT64
                                                  : MAX(0, wallet->bank->most_milli - wallet->balance_milli);
}

static gint64 by_rule(const GroupRule *group, gint64 so_far, gint64 next)
{
    if (group->kind == GROUP_EACH_MEMBER || (group->kind == GROUP_MEMBERS && group->enough == ENOUGH_ANY))
        return MAX(so_far, next);
    if (group->kind == GROUP_MEMBERS && group->enough == ENOUGH_ALL)
        return MIN(so_far, next);
    return so_far + next;
}

static bool is_by_head(const GroupRule *group)
{
    return group->kind == GROUP_MEMBERS && group->enough == ENOUGH_TOGETHER && group->pays == PAYS_EACH;
}

/* What all together have, or of each head where it must do for each of them. */
static gint64 together(const Purse *purse, gint64 (*own)(const Wallet *wallet, gint64 at_us), gint64 at_us)
{
    gint64 all = 0;
    for (guint i = 0; i < purse->payers->len; i++) {
        gint64 next = own(g_ptr_array_index(purse->payers, i), at_us);
        all = i == 0 ? next : by_rule(&purse->group, all, next);
    }
    return is_by_head(&purse->group) ? all / (gint64)MAX(1, purse->payers->len) : all;
}

static gint64 own_balance(const Wallet *wallet, G_GNUC_UNUSED gint64 at_us)
{
    return wallet->balance_milli;
}

gint64 purse_balance(const Purse *purse)
{
    return together(purse, own_balance, 0);
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
    return together(purse, wallet_budget, at_us);
}

gint64 purse_room(const Purse *purse)
{
    gint64 most = 0;
    for (guint i = 0; i < purse->payers->len; i++)
        most = MAX(most, wallet_room(g_ptr_array_index(purse->payers, i)));
    return most;
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

/* One token after the other, from whoever has most left: the first of equals by name. */
static void give_together(const Purse *purse, gint64 *given, gint64 rest_milli, gint64 at_us)
{
    const gint64 one_milli = 1000;
    while (rest_milli > 0) {
        guint payer = richest(purse, given, at_us);
        gint64 left = wallet_budget(g_ptr_array_index(purse->payers, payer), at_us) - given[payer];
        gint64 part = MIN(rest_milli, MIN(left, one_milli));
        if (part <= 0)
            return;
        given[payer] += part;
        rest_milli -= part;
    }
}

/* Each gives the whole of it, or what there is; where it must do for all heads together, the others give the rest. */
static void give_each(const Purse *purse, gint64 *given, gint64 amount_milli, gint64 at_us)
{
    gint64 rest_milli = 0;
    for (guint i = 0; i < purse->payers->len; i++) {
        given[i] = MIN(amount_milli, wallet_budget(g_ptr_array_index(purse->payers, i), at_us));
        rest_milli += amount_milli - given[i];
    }
    if (is_by_head(&purse->group))
        give_together(purse, given, rest_milli, at_us);
}

gint64 *purse_split(const Purse *purse, gint64 amount_milli, gint64 at_us)
{
    gint64 *given = g_new0(gint64, MAX(1, purse->payers->len));
    if (purse->payers->len == 0)
        return given;
    if (purse->group.kind == GROUP_MEMBERS && purse->group.pays == PAYS_EACH)
        give_each(purse, given, amount_milli, at_us);
    else if (purse->group.kind == GROUP_MEMBERS && purse->group.pays == PAYS_TOGETHER)
        give_together(purse, given, amount_milli, at_us);
    else
        given[richest(purse, given, at_us)] = amount_milli;
    return given;
}
