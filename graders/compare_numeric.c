/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of words and numbers: "loss: 0.25 [1, 2]" is the word `loss:`, 0.25, `[`, 1, `,`, 2, `]`. */
#include "graders/compare.h"

#include <string.h>

typedef struct {
    const char *text;
    gsize length;
    gsize line; /* from 1 */
    bool is_number, is_whole;
} Token;

typedef struct {
    const char *at, *end;
    gsize line;
} Scanner;

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && g_ascii_isdigit(*at))
        at++;
    return at;
}

/* Where the decimal number that starts at `at` ends; `at` itself when none does. */
static const char *number_end(const char *at, const char *end, bool *ret_is_whole)
{
    const char *start = at;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    const char *digits = at;
    at = skip_digits(at, end);
    gsize n_digits = (gsize)(at - digits);
    *ret_is_whole = true;
    if (at < end && *at == '.') {
        const char *fraction_end = skip_digits(at + 1, end);
        n_digits += (gsize)(fraction_end - at - 1);
        *ret_is_whole = false;
        at = fraction_end;
    }
    if (n_digits == 0)
        return start;
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *exponent = at + 1 < end && (at[1] == '+' || at[1] == '-') ? at + 2 : at + 1;
        const char *exponent_end = skip_digits(exponent, end);
        *ret_is_whole = *ret_is_whole && exponent_end == exponent;
        at = exponent_end > exponent ? exponent_end : at;
    }
    return at;
}

static bool is_word_char(char c)
{
    return g_ascii_isalnum(c) || c == '_' || (c & 0x80) != 0;
}

/* The next token; false at the end. A number cannot start inside a word ("x1"). */
static bool next_token(Scanner *scanner, Token *ret_token)
{
    for (; scanner->at < scanner->end && (g_ascii_isspace(*scanner->at) || *scanner->at == '\v'); scanner->at++)
        scanner->line += *scanner->at == '\n';
    if (scanner->at == scanner->end)
        return false;
    const char *start = scanner->at;
    Token token = {.text = start, .line = scanner->line};
    scanner->at = number_end(start, scanner->end, &token.is_whole);
    token.is_number = scanner->at > start;
    while (!token.is_number && scanner->at < scanner->end && !g_ascii_isspace(*scanner->at) && *scanner->at != '\v') {
        bool is_inside_word = scanner->at > start && is_word_char(scanner->at[-1]);
        bool ignored;
        if (!is_inside_word && number_end(scanner->at, scanner->end, &ignored) > scanner->at)
            break;
        scanner->at++;
    }
    token.length = (gsize)(scanner->at - start);
    *ret_token = token;
    return true;
}

static double token_value(const Token *token)
{
    const gsize max_digits = 400; /* more say nothing that a double can hold */
    g_autofree char *text = g_strndup(token->text, MIN(token->length, max_digits));
    return g_ascii_strtod(text, NULL);
}

static bool tokens_match(const CompareRule *rule, const Token *expected, const Token *got)
{
    if (expected->length == got->length && memcmp(expected->text, got->text, got->length) == 0)
        return true;
    if (expected->is_number && got->is_number)
        return compare_numbers(rule, token_value(expected), token_value(got), expected->is_whole && got->is_whole);
    if (!rule->ignore_case || expected->is_number || got->is_number)
        return false;
    g_autofree char *left = compare_fold(expected->text, expected->length);
    g_autofree char *right = compare_fold(got->text, got->length);
    return strcmp(left, right) == 0;
}

static char *say_token(const Token *expected, const Token *got, bool shows_expected)
{
    gsize line = got ? got->line : expected->line;
    if (!shows_expected)
        return g_strdup_printf("line %zu is not what is expected", line);
    g_autofree char *wanted = expected ? compare_quote(expected->text, expected->length) : g_strdup("the end");
    g_autofree char *shown = got ? compare_quote(got->text, got->length) : g_strdup("the end");
    return g_strdup_printf("line %zu: expected %s, got %s", line, wanted, shown);
}

char *compare_numeric(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                      gsize got_length, bool shows_expected)
{
    Scanner left = {expected, expected + expected_length, 1}, right = {got, got + got_length, 1};
    for (;;) {
        Token wanted, have;
        bool has_wanted = next_token(&left, &wanted), has_have = next_token(&right, &have);
        if (!has_wanted && !has_have)
            return NULL;
        if (!has_wanted || !has_have || !tokens_match(rule, &wanted, &have))
            return say_token(has_wanted ? &wanted : NULL, has_have ? &have : NULL, shows_expected);
    }
}
