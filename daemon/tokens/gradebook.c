/* SPDX-License-Identifier: Apache-2.0 */
/* A person's grade from credits, scores and tokens left: exact, each number with its line. */
#include "daemon/tokens/gradebook.h"

#include <string.h>

static const gint64 one_milli = 1000, all_milli = 100000;

void grade_free(Grade *grade)
{
    if (!grade)
        return;
    g_ptr_array_unref(grade->lines);
    g_array_unref(grade->parts);
    g_free(grade);
}

const Gradebook *gradebook_for(const Gradebook *gradebook, const char *section)
{
    for (guint i = 0; section && i < gradebook->variants->len; i++) {
        const Gradebook *variant = g_ptr_array_index(gradebook->variants, i);
        if (g_strv_contains((const char *const *)variant->sections, section))
            return variant;
    }
    return gradebook;
}

static gint64 value_of(GHashTable *table, const char *key)
{
    const gint64 *value = table ? g_hash_table_lookup(table, key) : NULL;
    return value ? *value : 0;
}

static char *exact_text(Exact value)
{
    return points_format(exact_round_milli(value));
}

/* ---- components ------------------------------------------------------------------------------------------------- */

/* One thing that a component adds up. */
typedef struct {
    const char *name;
    gint64 milli, max_milli;
    const Exact *factor; /* by ratings about it alone; NULL: none */
    bool is_excused, is_dropped;
} Term;

static GArray *list_terms(const Component *component, const GradeInput *input, bool is_rated)
{
    GHashTable *factors = is_rated ? input->peer_factors : NULL;
    GArray *terms = g_array_new(FALSE, FALSE, sizeof(Term));
    for (char **id = component->assignments; id && *id; id++) {
        gint64 max_milli = value_of(input->maxima, *id);
        Term term = {.name = *id,
                     .milli = value_of(input->credits, *id),
                     .max_milli = max_milli > 0 ? max_milli : all_milli,
                     .factor = factors ? g_hash_table_lookup(factors, *id) : NULL,
                     .is_excused = input->excused && g_hash_table_contains(input->excused, *id)};
        g_array_append_val(terms, term);
    }
    for (char **column = component->columns; column && *column; column++) {
        Term term = {.name = *column, .milli = value_of(input->scores, *column), .max_milli = component->max_milli};
        g_array_append_val(terms, term);
    }
    return terms;
}

/* What it brings, in thousandths of a point. */
static Exact term_points(const Term *term)
{
    Exact points = exact_of(term->milli, 1);
    return term->factor ? exact_multiply(points, *term->factor) : points;
}

static Exact term_share(const Term *term)
{
    return exact_multiply(term_points(term), exact_of(1, term->max_milli));
}

static void drop_lowest(const Component *component, GArray *terms)
{
    for (gint64 n = 0; n < component->n_dropped; n++) {
        Term *lowest = NULL;
        guint n_left = 0;
        for (guint i = 0; i < terms->len; i++) {
            Term *term = &g_array_index(terms, Term, i);
            if (term->is_excused || term->is_dropped)
                continue;
            n_left++;
            if (!lowest || exact_compare(term_share(term), term_share(lowest)) < 0)
                lowest = term;
        }
        if (!lowest || n_left < 2)
            return;
        lowest->is_dropped = true;
    }
}

static char *list_text(const GArray *terms)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < terms->len; i++) {
        const Term *term = &g_array_index(terms, Term, i);
        g_autofree char *points = points_format(term->milli);
        g_autofree char *times = term->factor ? exact_text(*term->factor) : NULL;
        g_string_append_printf(text, "%s%s %s%s%s%s", text->len > 0 ? " + " : "", term->name, points,
                               times ? " times " : "", times ? times : "",
                               term->is_excused   ? " (excused)"
                               : term->is_dropped ? " (dropped)"
                                                  : "");
    }
    return g_string_free(text, FALSE);
}

/* The share of all that can be had: of the points together, or the mean of the shares. *ret_max: what counted. */
static Exact share_of_terms(const Component *component, const GArray *terms, gint64 *ret_max_milli)
{
    Exact sum = exact_of(0, 1);
    gint64 n = 0;
    *ret_max_milli = component->max_milli;
    for (guint i = 0; i < terms->len; i++) {
        const Term *term = &g_array_index(terms, Term, i);
        if (term->is_excused || term->is_dropped) {
            *ret_max_milli -= component->is_equal ? 0 : term->max_milli;
            continue;
        }
        n++;
        sum = exact_add(sum, component->is_equal ? term_share(term) : term_points(term));
    }
    *ret_max_milli = MAX(1, *ret_max_milli);
    if (n == 0)
        return exact_of(1, 1); /* all of it was excused: nothing is held against its owner */
    return exact_multiply(sum, exact_of(1, component->is_equal ? n : *ret_max_milli));
}

static Exact clamp_factor(const PeerRules *rules, Exact factor)
{
    Exact most = exact_of(rules->most_milli, one_milli), least = exact_of(rules->least_milli, one_milli);
    if (exact_compare(factor, most) > 0)
        return most;
    return exact_compare(factor, least) < 0 ? least : factor;
}

/* From ratings that were read, or a column with factors. A factor of 0 is one, too. */
static bool find_factor(const Gradebook *gradebook, const GradeInput *input, Exact *ret_factor)
{
    const gint64 *given_milli =
        gradebook->peer_column && input->scores ? g_hash_table_lookup(input->scores, gradebook->peer_column) : NULL;
    bool was_read = input->peer_factor.denominator > 0;
    if (!was_read && !given_milli)
        return false;
    *ret_factor = clamp_factor(&gradebook->peers, was_read ? input->peer_factor : exact_of(*given_milli, one_milli));
    return true;
}

static Exact points_part(const Gradebook *gradebook, const Component *component, const GradeInput *input, Grade *grade)
{
    bool is_rated = g_strcmp0(gradebook->peer_component, component->name) == 0;
    gint64 max_milli;
    Exact factor;
    g_autoptr(GArray) all = list_terms(component, input, is_rated);
    drop_lowest(component, all);
    Exact share = share_of_terms(component, all, &max_milli);
    g_autofree char *terms = list_text(all);
    g_autofree char *times = NULL;
    if (is_rated && find_factor(gradebook, input, &factor)) {
        g_autofree char *number = exact_text(factor);
        share = exact_multiply(share, factor);
        times = g_strdup_printf(", times %s by peer rating", number);
    }
    if (component->is_capped && exact_compare(share, exact_of(1, 1)) > 0)
        share = exact_of(1, 1);
    Exact part = exact_multiply(share, exact_of(component->weight_milli, one_milli));
    g_autofree char *max = points_format(max_milli), *weight = points_format(component->weight_milli);
    g_autofree char *of =
        component->is_equal ? g_strdup(", all worth the same") : g_strdup_printf(" of %s points", max);
    g_autofree char *brings = exact_text(part);
    g_ptr_array_add(grade->lines, g_strdup_printf("%s: (%s)%s%s, weight %s: %s", component->name, terms, of,
                                                  times ? times : "", weight, brings));
    return part;
}

static gint64 band_of(const Gradebook *gradebook, gint64 lectures)
{
    for (guint i = 0; i < gradebook->bands->len; i++) {
        const Band *band = &g_array_index(gradebook->bands, Band, i);
        if (lectures >= band->at_least)
            return band->percent_milli;
    }
    return 0;
}

static Exact participation_part(const Gradebook *gradebook, const Component *component, const GradeInput *input,
                                Grade *grade)
{
    gint64 attended = value_of(input->scores, gradebook->lectures_column) / one_milli;
    gint64 tokens = gradebook->tokens_to_lectures ? input->tokens_milli / one_milli : 0;
    gint64 used = CLAMP(gradebook->lectures - attended, 0, tokens);
    grade->tokens_used_milli = used * one_milli;
    grade->participation_milli = band_of(gradebook, attended + used);
    Exact part =
        exact_multiply(exact_of(grade->participation_milli, all_milli), exact_of(component->weight_milli, one_milli));
    g_autofree char *percent = points_format(grade->participation_milli), *brings = exact_text(part);
    g_autofree char *weight = points_format(component->weight_milli);
    g_autofree char *kept = used == 0 ? g_strdup("")
                                      : g_strdup_printf(" and %" G_GINT64_FORMAT " %s left make %" G_GINT64_FORMAT,
                                                        used, used == 1 ? "token" : "tokens", attended + used);
    g_ptr_array_add(grade->lines, g_strdup_printf("%s: %" G_GINT64_FORMAT " %s%s of %" G_GINT64_FORMAT
                                                  ", which is %s %%, weight %s: %s",
                                                  component->name, attended, attended == 1 ? "lecture" : "lectures",
                                                  kept, gradebook->lectures, percent, weight, brings));
    return part;
}

static const char *letter_of(const Gradebook *gradebook, Exact total)
{
    for (guint i = 0; i < gradebook->cutoffs->len; i++) {
        const Cutoff *cutoff = g_ptr_array_index(gradebook->cutoffs, i);
        int order = exact_compare(total, exact_of(cutoff->above_milli, one_milli));
        if (order > 0 || (order == 0 && !gradebook->is_strict))
            return cutoff->letter;
    }
    return gradebook->below;
}

static void add_tokens(const Gradebook *gradebook, const GradeInput *input, Grade *grade)
{
    gint64 free_milli = MAX(0, input->tokens_milli - grade->tokens_used_milli);
    gint64 brings_milli = (gint64)((__int128)free_milli * gradebook->token_each_milli / one_milli);
    brings_milli = MIN(brings_milli, gradebook->token_most_milli);
    if (brings_milli <= 0 || free_milli < gradebook->token_from_milli)
        return;
    g_autofree char *left = points_format(free_milli), *brings = points_format(brings_milli);
    grade->total = exact_add(grade->total, exact_of(brings_milli, one_milli));
    g_ptr_array_add(grade->lines, free_milli == one_milli ? g_strdup_printf("1 token left brings %s", brings)
                                                          : g_strdup_printf("%s tokens left bring %s", left, brings));
}

/* `line` is taken over. */
static void take_off(Grade *grade, gint64 taken_milli, char *line)
{
    grade->total = exact_add(grade->total, exact_of(-taken_milli, one_milli));
    if (grade->total.numerator < 0)
        grade->total = exact_of(0, 1);
    g_ptr_array_add(grade->lines, line);
}

static void take_penalties(const Gradebook *gradebook, const GradeInput *input, Grade *grade)
{
    gint64 owed_milli = (gint64)((__int128)input->owed_milli * gradebook->token_owed_milli / one_milli);
    g_autofree char *late = points_format(input->course_milli), *owed = points_format(owed_milli);
    g_autofree char *tokens = explain_tokens(input->owed_milli);
    if (input->course_milli > 0)
        take_off(grade, input->course_milli, g_strdup_printf("lateness takes %s %% off the course grade", late));
    if (owed_milli > 0)
        take_off(grade, owed_milli,
                 g_strdup_printf("%s owed take%s %s %% off the course grade", tokens,
                                 input->owed_milli == one_milli ? "s" : "", owed));
}

Grade *gradebook_compute(const Gradebook *gradebook, const GradeInput *input)
{
    Grade *grade = g_new0(Grade, 1);
    grade->lines = g_ptr_array_new_with_free_func(g_free);
    grade->parts = g_array_new(FALSE, FALSE, sizeof(Exact));
    grade->total = exact_of(0, 1);
    for (guint i = 0; i < gradebook->components->len; i++) {
        const Component *component = g_ptr_array_index(gradebook->components, i);
        Exact part = component->kind == COMPONENT_PARTICIPATION ? participation_part(gradebook, component, input, grade)
                                                                : points_part(gradebook, component, input, grade);
        g_array_append_val(grade->parts, part);
        grade->total = exact_add(grade->total, part);
    }
    add_tokens(gradebook, input, grade);
    take_penalties(gradebook, input, grade);
    grade->letter = letter_of(gradebook, grade->total);
    g_autofree char *total = exact_text(grade->total);
    g_ptr_array_add(grade->lines, g_strdup_printf("total %s: %s", total, grade->letter));
    return grade;
}

const char *gradebook_audit(const Gradebook *gradebook, const Grade *grade)
{
    if (!gradebook->has_audit)
        return "audit";
    for (guint i = 0; i < gradebook->components->len; i++) {
        const Component *component = g_ptr_array_index(gradebook->components, i);
        if (component->audit_milli < 0)
            continue;
        Exact enough =
            exact_multiply(exact_of(component->audit_milli, all_milli), exact_of(component->weight_milli, one_milli));
        if (exact_compare(g_array_index(grade->parts, Exact, i), enough) < 0)
            return "audit not passed";
    }
    return "audit passed";
}

/* ---- peer rating ------------------------------------------------------------------------------------------------ */

typedef struct {
    gint64 sum, n;
} Mean;

static bool is_counted(gint64 rating, gsize rater, gsize rated, bool counts_self)
{
    return rating >= 0 && (counts_self || rater != rated);
}

void peer_factors(const gint64 *ratings, gsize n, const PeerRules *rules, Exact *ret_factors)
{
    g_autofree Mean *own = g_new0(Mean, n);
    Exact team_sum = exact_of(0, 1);
    gint64 n_rated = 0;
    for (gsize rated = 0; rated < n; rated++) {
        for (gsize rater = 0; rater < n; rater++) {
            gint64 rating = ratings[rater * n + rated];
            if (!is_counted(rating, rater, rated, rules->counts_self))
                continue;
            own[rated].sum += rating;
            own[rated].n++;
        }
        if (own[rated].n > 0) {
            team_sum = exact_add(team_sum, exact_of(own[rated].sum, own[rated].n));
            n_rated++;
        }
    }
    for (gsize i = 0; i < n; i++) {
        ret_factors[i] = exact_of(1, 1);
        if (own[i].n == 0 || team_sum.numerator == 0)
            continue;
        Exact inverse_team = {team_sum.denominator * n_rated, team_sum.numerator};
        ret_factors[i] = clamp_factor(rules, exact_multiply(exact_of(own[i].sum, own[i].n), inverse_team));
    }
}
