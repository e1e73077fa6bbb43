/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/gradescope_page.h"

#include <string.h>

static const guint max_rows = 100000;
static const gsize max_digits = 18; /* of a number: so it fits 64 bits */

/* ---- tags
 * ------------------------------------------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void html_tags_start(HtmlTags *tags, const char *page, gsize length)
{
    *tags = (HtmlTags){.at = page, .end = page + length};
}

static const char *find(const char *from, const char *end, const char *what)
{
    const char *found = memmem(from, (gsize)(end - from), what, strlen(what));
    return found ? found : end;
}

static const char *skip_past(const char *from, const char *end, const char *what)
{
    const char *found = find(from, end, what);
    return found == end ? end : found + strlen(what);
}

/* Past the `>` of a tag, which is no `>` within quotes. */
static const char *end_of_tag(const char *from, const char *end)
{
    char quote = '\0';
    for (const char *at = from; at < end; at++) {
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if ((*at == '"' || *at == '\'') && at > from && (at[-1] == '=' || is_space(at[-1])))
            quote = *at;
        else if (*at == '>')
            return at;
    }
    return end;
}

/* The inside of these is no markup. */
static void skip_raw_text(HtmlTags *tags)
{
    static const char *const raw[] = {"script", "style", "textarea", "title"};
    for (gsize i = 0; i < G_N_ELEMENTS(raw); i++) {
        if (!html_tag_is(tags, raw[i]))
            continue;
        gsize length = strlen(raw[i]);
        const char *at = tags->at;
        while (at < tags->end) {
            at = find(at, tags->end, "</");
            if ((gsize)(tags->end - at) < length + 2 || g_ascii_strncasecmp(at + 2, raw[i], length) == 0)
                break;
            at += 2;
        }
        tags->at = at;
    }
}

bool html_tags_next(HtmlTags *tags)
{
    while (tags->at < tags->end) {
        const char *open = memchr(tags->at, '<', (gsize)(tags->end - tags->at));
        if (!open || open + 1 >= tags->end)
            break;
        if (tags->end - open >= (ptrdiff_t)strlen("<!--") && memcmp(open, "<!--", strlen("<!--")) == 0) {
            tags->at = skip_past(open, tags->end, "-->");
        } else if (!g_ascii_isalpha(open[1])) {
            tags->at = open + 1;
        } else {
            tags->name = open + 1;
            const char *at = tags->name;
            while (at < tags->end && !is_space(*at) && *at != '/' && *at != '>')
                at++;
            tags->name_length = (gsize)(at - tags->name);
            tags->from = at;
            tags->until = end_of_tag(at, tags->end);
            tags->at = tags->until < tags->end ? tags->until + 1 : tags->end;
            skip_raw_text(tags);
            return true;
        }
    }
    tags->at = tags->end;
    return false;
}

bool html_tag_is(const HtmlTags *tags, const char *name)
{
    return tags->name_length == strlen(name) && g_ascii_strncasecmp(tags->name, name, tags->name_length) == 0;
}

/* "&#123;" and "&#x7b;" without "&" and ";"; 0: none of these. */
static gunichar numeric_reference(const char *name, gsize length)
{
    const guint decimal = 10, hexadecimal = 16;
    if (length < 2 || name[0] != '#')
        return 0;
    bool is_hex = name[1] == 'x' || name[1] == 'X';
    g_autofree char *digits = g_strndup(name + (is_hex ? 2 : 1), length - (is_hex ? 2 : 1));
    guint64 value = 0;
    if (!g_ascii_string_to_unsigned(digits, is_hex ? hexadecimal : decimal, 1, 0x10ffff, &value, NULL))
        return 0;
    return g_unichar_validate((gunichar)value) ? (gunichar)value : 0;
}

static gunichar reference(const char *name, gsize length)
{
    static const struct {
        const char *name;
        gunichar character;
    } named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
    for (gsize i = 0; i < G_N_ELEMENTS(named); i++) {
        if (strlen(named[i].name) == length && memcmp(named[i].name, name, length) == 0)
            return named[i].character;
    }
    return numeric_reference(name, length);
}

static char *resolve_references(const char *from, const char *until)
{
    const ptrdiff_t longest = 12;
    GString *text = g_string_sized_new((gsize)(until - from));
    while (from < until) {
        const char *semicolon = *from == '&' ? memchr(from, ';', (gsize)MIN(until - from, longest)) : NULL;
        gunichar character = semicolon ? reference(from + 1, (gsize)(semicolon - from) - 1) : 0;
        if (character != 0) {
            g_string_append_unichar(text, character);
            from = semicolon + 1;
        } else {
            g_string_append_c(text, *from++);
        }
    }
    return g_string_free(text, FALSE);
}

/* Reads `name`, `name=value`, `name="value"`; false at the end. */
static bool next_attribute(const char **at, const char *until, const char **name, gsize *name_length,
                           const char **value, gsize *value_length)
{
    const char *from = *at;
    while (from < until && (is_space(*from) || *from == '/'))
        from++;
    *name = from;
    while (from < until && !is_space(*from) && *from != '/' && *from != '=')
        from++;
    *name_length = (gsize)(from - *name);
    if (from == until && *name_length == 0)
        return false;
    while (from < until && is_space(*from))
        from++;
    *value = from;
    *value_length = 0;
    if (from < until && *from == '=') {
        from++;
        while (from < until && is_space(*from))
            from++;
        bool is_quoted = from < until && (*from == '"' || *from == '\'');
        *value = is_quoted ? from + 1 : from;
        const char *end = is_quoted ? memchr(*value, *from, (gsize)(until - *value)) : *value;
        while (!is_quoted && end < until && !is_space(*end))
            end++;
        end = end ? end : until;
        *value_length = (gsize)(end - *value);
        from = is_quoted && end < until ? end + 1 : end;
    }
    *at = from;
    return true;
}

char *html_attribute(const HtmlTags *tags, const char *wanted)
{
    const char *at = tags->from, *name = NULL, *value = NULL;
    gsize name_length = 0, value_length = 0;
    while (next_attribute(&at, tags->until, &name, &name_length, &value, &value_length)) {
        if (name_length == strlen(wanted) && g_ascii_strncasecmp(name, wanted, name_length) == 0)
            return resolve_references(value, value + value_length);
    }
    return NULL;
}

static bool attribute_is(const HtmlTags *tags, const char *name, const char *value)
{
    g_autofree char *is = html_attribute(tags, name);
    return g_strcmp0(is, value) == 0;
}

static bool has_class(const HtmlTags *tags, const char *class)
{
    g_autofree char *text = html_attribute(tags, "class");
    g_auto(GStrv) classes = text ? g_strsplit_set(text, " \t\r\n\f", -1) : NULL;
    return classes && g_strv_contains((const char *const *)classes, class);
}

/* ---- tokens
 * ---------------------------------------------------------------------------------------------------------- */

static bool changed(GError **error, const char *page, const char *lacks)
{
    return error_set(error, RUBRIC_ERROR_INVALID,
                     "Gradescope's %s changed its shape: it has no %s any more. Nothing was taken from it; this "
                     "version cannot go on there",
                     page, lacks);
}

static char *some(char *text)
{
    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

char *gradescope_page_login_token(const char *page, gsize length, GError **error)
{
    HtmlTags tags;
    bool is_within = false;
    html_tags_start(&tags, page, length);
    while (html_tags_next(&tags)) {
        if (html_tag_is(&tags, "form"))
            is_within = attribute_is(&tags, "action", "/login");
        if (!is_within || !html_tag_is(&tags, "input") || !attribute_is(&tags, "name", "authenticity_token"))
            continue;
        char *token = some(html_attribute(&tags, "value"));
        if (token)
            return token;
    }
    changed(error, "login page", "form with a token");
    return NULL;
}

char *gradescope_page_csrf(const char *page, gsize length, GError **error)
{
    HtmlTags tags;
    html_tags_start(&tags, page, length);
    while (html_tags_next(&tags)) {
        if (!html_tag_is(&tags, "meta") || !attribute_is(&tags, "name", "csrf-token"))
            continue;
        char *token = some(html_attribute(&tags, "content"));
        if (token)
            return token;
    }
    changed(error, "course page", "token for writing");
    return NULL;
}

/* ---- what its scripts are given
 * -------------------------------------------------------------------------------------- */

/* The JSON of each element of this class; NULL: one of them is none. Array of cJSON*, owning. */
static GPtrArray *all_props(const char *page, gsize length, const char *class)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
    HtmlTags tags;
    html_tags_start(&tags, page, length);
    while (all->len < max_rows && html_tags_next(&tags)) {
        if (!attribute_is(&tags, "data-react-class", class))
            continue;
        g_autofree char *text = html_attribute(&tags, "data-react-props");
        cJSON *props = text ? json_parse(text, strlen(text), NULL) : NULL;
        if (!cJSON_IsObject(props)) {
            cJSON_Delete(props);
            return NULL;
        }
        g_ptr_array_add(all, props);
    }
    return g_steal_pointer(&all);
}

static void assignment_free(gpointer data)
{
    GradescopeAssignment *assignment = data;
    g_free(assignment->id);
    g_free(assignment->title);
    g_free(assignment);
}

/* Rows of other types are folders and containers. false: the row is of a shape that is not known. */
static bool read_assignment_row(const cJSON *row, GPtrArray *list)
{
    const char prefix[] = "assignment_";
    const char *type = json_string_or(row, "type", NULL);
    if (!type || strcmp(type, "assignment") != 0)
        return type != NULL;
    const char *id = json_string_or(row, "id", "");
    if (!g_str_has_prefix(id, prefix) || !text_is_digits(id + strlen(prefix), max_digits))
        return false;
    GradescopeAssignment *assignment = g_new0(GradescopeAssignment, 1);
    assignment->id = g_strdup(id + strlen(prefix));
    assignment->title = g_strdup(json_string_or(row, "title", NULL));
    g_ptr_array_add(list, assignment);
    return true;
}

GPtrArray *gradescope_page_assignments(const char *page, gsize length, GError **error)
{
    g_autoptr(GPtrArray) props = all_props(page, length, "AssignmentsTable");
    const cJSON *rows = NULL;
    if (!props || props->len != 1 || !json_get_array(g_ptr_array_index(props, 0), "table_data", &rows, NULL)) {
        changed(error, "page of assignments", "table of them");
        return NULL;
    }
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(assignment_free);
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        if (!read_assignment_row(row, list)) {
            changed(error, "page of assignments", "type or number in a row");
            return NULL;
        }
    }
    return g_steal_pointer(&list);
}

static void member_free(gpointer data)
{
    GradescopeMember *member = data;
    g_free(member->email);
    g_free(member->name);
    g_free(member->sid);
    g_free(member);
}

static bool read_member(const HtmlTags *tags, GPtrArray *list)
{
    g_autofree char *about = html_attribute(tags, "data-cm");
    g_autofree char *role = html_attribute(tags, "data-role");
    g_autofree char *email = some(html_attribute(tags, "data-email"));
    g_autoptr(cJSON) json = about ? json_parse(about, strlen(about), NULL) : NULL;
    if (!cJSON_IsObject(json) || !text_is_digits(role, max_digits) || !email)
        return false;
    GradescopeMember *member = g_new0(GradescopeMember, 1);
    member->email = g_steal_pointer(&email);
    member->name = g_strdup(json_string_or(json, "full_name", NULL));
    member->sid = g_strdup(json_string_or(json, "sid", NULL));
    member->is_student = strcmp(role, "0") == 0;
    g_ptr_array_add(list, member);
    return true;
}

GPtrArray *gradescope_page_members(const char *page, gsize length, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(member_free);
    HtmlTags tags;
    html_tags_start(&tags, page, length);
    while (list->len < max_rows && html_tags_next(&tags)) {
        if (has_class(&tags, "rosterCell--editIcon") && !read_member(&tags, list)) {
            changed(error, "roster", "e-mail, role or name in a row");
            return NULL;
        }
    }
    /* At least the account itself is in it. */
    if (list->len == 0) {
        changed(error, "roster", "row");
        return NULL;
    }
    return g_steal_pointer(&list);
}

static void extension_free(gpointer data)
{
    GradescopeExtension *extension = data;
    g_free(extension->email);
    g_free(extension->name);
    g_free(extension);
}

static gint64 read_date(const cJSON *settings, const char *key)
{
    const cJSON *date = cJSON_GetObjectItemCaseSensitive(settings, key);
    const char *text = json_string_or(date, "value", NULL);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, utc) : NULL;
    return time ? g_date_time_to_unix(time) * CLOCK_SECOND_US : G_MININT64;
}

static const char *email_of(const cJSON *students, gint64 user)
{
    const cJSON *student = NULL;
    cJSON_ArrayForEach(student, students)
    {
        if (json_int64_or(student, "id", -1) == user)
            return json_string_or(student, "email", NULL);
    }
    return NULL;
}

GPtrArray *gradescope_page_extensions(const char *page, gsize length, GError **error)
{
    g_autoptr(GPtrArray) adding = all_props(page, length, "AddExtension");
    g_autoptr(GPtrArray) rows = all_props(page, length, "EditExtension");
    const cJSON *students = NULL;
    if (!adding || adding->len == 0 || !json_get_array(g_ptr_array_index(adding, 0), "students", &students, NULL) ||
        !rows) {
        changed(error, "page of extensions", "list of students");
        return NULL;
    }
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(extension_free);
    for (guint i = 0; i < rows->len; i++) {
        const cJSON *row = g_ptr_array_index(rows, i), *override = NULL, *settings = NULL;
        gint64 user = 0;
        if (!json_get_object(row, "override", &override, NULL) || !json_get_int64(override, "user_id", &user, NULL) ||
            !json_get_object(override, "settings", &settings, NULL)) {
            changed(error, "page of extensions", "student or date in a row");
            return NULL;
        }
        GradescopeExtension *extension = g_new0(GradescopeExtension, 1);
        extension->email = g_strdup(email_of(students, user));
        extension->name = g_strdup(json_string_or(row, "studentName", NULL));
        extension->due_us = read_date(settings, "due_date");
        extension->hard_due_us = read_date(settings, "hard_due_date");
        g_ptr_array_add(list, extension);
    }
    return g_steal_pointer(&list);
}

/* ---- answers that are JSON
 * ------------------------------------------------------------------------------------------- */

gint64 gradescope_answer_file(const char *text, gsize length, GError **error)
{
    g_autoptr(cJSON) json = json_parse(text, length, NULL);
    gint64 id = json_int64_or(json, "generated_file_id", -1);
    if (id > 0)
        return id;
    changed(error, "answer to an export", "file number");
    return -1;
}

bool gradescope_answer_file_state(const char *text, gsize length, GradescopeFileState *ret_state, char **ret_url,
                                  GError **error)
{
    g_autoptr(cJSON) json = json_parse(text, length, NULL);
    const char *status = json_string_or(json, "status", "");
    const char *url = json_string_or(json, "url", NULL);
    if (strcmp(status, "unprocessed") == 0 || strcmp(status, "processing") == 0)
        *ret_state = GRADESCOPE_FILE_WAITS;
    else if (strcmp(status, "failed") == 0)
        *ret_state = GRADESCOPE_FILE_FAILED;
    else if (strcmp(status, "completed") == 0 && url &&
             (g_str_has_prefix(url, "https://") || g_str_has_prefix(url, "http://")))
        *ret_state = GRADESCOPE_FILE_READY;
    else
        return changed(error, "answer about an export", "state that is known, or no address");
    *ret_url = *ret_state == GRADESCOPE_FILE_READY ? g_strdup(url) : NULL;
    return true;
}
