/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for people: what is found in any spelling, and that half a page gives nothing. */
#include "daemon/net/gradescope_page.h"
#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static char *attribute(const char *page, const char *name)
{
    HtmlTags tags;
    html_tags_start(&tags, page, strlen(page));
    ck_assert(html_tags_next(&tags));
    return html_attribute(&tags, name);
}

static void check_attribute(const char *page, const char *name, const char *wanted)
{
    g_autofree char *is = attribute(page, name);
    ck_assert_msg(g_strcmp0(is, wanted) == 0, "%s: \"%s\" instead of \"%s\"", page, is ? is : "(none)",
                  wanted ? wanted : "(none)");
}

START_TEST(attributes_in_any_spelling)
{
    check_attribute("<a b=c>", "b", "c");
    check_attribute("<a b = 'c d' e>", "b", "c d");
    check_attribute("<A B=\"x>y\" c>", "b", "x>y");
    check_attribute("<a b/>", "b", "");
    check_attribute("<a b=\"1\" b=\"2\">", "b", "1");
    check_attribute("<a bb=1>", "b", NULL);
    check_attribute("<a b=\"never ends", "b", "never ends");
    check_attribute("<a b=\"&quot;&lt;&gt;&amp;amp;&#39;&#x27;&apos;&nbsp;\">", "b", "\"<>&amp;'''\u00a0");
    check_attribute("<a b=\"&nope; &#0; &#xd800; &#99999999; & &amp\">", "b",
                    "&nope; &#0; &#xd800; &#99999999; & &amp");
    check_attribute("a < b <!-- <a b=1> --><!doctype x><?x?></p><a b=2>", "b", "2");
}
END_TEST

START_TEST(scripts_are_no_markup)
{
    const char page[] = "<script>x = '<a b=1></a>';</SCRIPT><style><a b=1></style><title><a b=1></title><i>";
    HtmlTags tags;
    html_tags_start(&tags, page, strlen(page));
    static const char *const wanted[] = {"script", "style", "title", "i"};
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
        ck_assert(html_tags_next(&tags) && html_tag_is(&tags, wanted[i]));
    ck_assert(!html_tags_next(&tags));
    ck_assert(!html_tags_next(&tags));
}
END_TEST

START_TEST(tokens)
{
    const char page[] =
        "<form action=\"/search\"><input name=authenticity_token value=no></form>"
        "<form method=post action=\"/login\"><input name=\"authenticity_token\" value=\"a&#43;b==\"></form>";
    g_autofree char *token = NULL;
    ck_assert_good((token = gradescope_page_login_token(page, strlen(page), error)) != NULL);
    ck_assert_str_eq(token, "a+b==");
    const char head[] = "<meta name='csrf-token' content='x/y'>";
    g_autofree char *csrf = NULL;
    ck_assert_good((csrf = gradescope_page_csrf(head, strlen(head), error)) != NULL);
    ck_assert_str_eq(csrf, "x/y");
    ck_assert_fails(gradescope_page_login_token(head, strlen(head), error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(gradescope_page_csrf(page, strlen(page), error), RUBRIC_ERROR_INVALID);
    const char empty[] = "<meta name='csrf-token' content=''>";
    ck_assert_fails(gradescope_page_csrf(empty, strlen(empty), error), RUBRIC_ERROR_INVALID);
}
END_TEST

/* An element of this class with this JSON. */
static char *element(const char *class, const char *json)
{
    g_autofree char *text = g_markup_escape_text(json, -1);
    return g_strdup_printf("<div data-react-class='%s' data-react-props=\"%s\"></div>", class, text);
}

START_TEST(assignments)
{
    g_autofree char *page =
        element("AssignmentsTable", "{\"table_data\":[{\"type\":\"section\",\"id\":\"section_1\"},"
                                    "{\"type\":\"assignment\",\"id\":\"assignment_77\",\"title\":\"A \\\"b\\\" <c>\"},"
                                    "{\"type\":\"assignment\",\"id\":\"assignment_78\"}]}");
    g_autoptr(GPtrArray) list = NULL;
    ck_assert_good((list = gradescope_page_assignments(page, strlen(page), error)) != NULL);
    ck_assert_uint_eq(list->len, 2);
    const GradescopeAssignment *first = g_ptr_array_index(list, 0), *second = g_ptr_array_index(list, 1);
    ck_assert_str_eq(first->id, "77");
    ck_assert_str_eq(first->title, "A \"b\" <c>");
    ck_assert_str_eq(second->id, "78");
    ck_assert_ptr_null(second->title);
    static const char *const bad[] = {
        "{\"table_data\":[{\"type\":\"assignment\",\"id\":\"77\"}]}",
        "{\"table_data\":[{\"type\":\"assignment\",\"id\":\"assignment_7x\"}]}",
        "{\"table_data\":[{\"id\":\"assignment_77\"}]}",
        "{\"table_data\":{}}",
        "{\"rows\":[]}",
        "[]",
        "{",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *wrong = element("AssignmentsTable", bad[i]);
        ck_assert_fails(gradescope_page_assignments(wrong, strlen(wrong), error), RUBRIC_ERROR_INVALID);
    }
    g_autofree char *twice = g_strconcat(page, page, NULL);
    ck_assert_fails(gradescope_page_assignments(twice, strlen(twice), error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(gradescope_page_assignments("", 0, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(members)
{
    const char page[] = "<button class='x rosterCell--editIcon y' data-email=a@x.edu data-role=0 "
                        "data-cm='{\"full_name\":\"Ann\",\"sid\":\"007\"}'>"
                        "<button class='rosterCell--editIcon' data-email=t@x.edu data-role=2 data-cm='{}'>"
                        "<button class='rosterCell--editIcons' data-email=n@x.edu>";
    g_autoptr(GPtrArray) list = NULL;
    ck_assert_good((list = gradescope_page_members(page, strlen(page), error)) != NULL);
    ck_assert_uint_eq(list->len, 2);
    const GradescopeMember *ann = g_ptr_array_index(list, 0), *ta = g_ptr_array_index(list, 1);
    ck_assert_str_eq(ann->email, "a@x.edu");
    ck_assert_str_eq(ann->name, "Ann");
    ck_assert_str_eq(ann->sid, "007");
    ck_assert(ann->is_student && !ta->is_student && !ta->name && !ta->sid);
    static const char *const bad[] = {
        "<b class='rosterCell--editIcon' data-role=0 data-cm='{}'>",
        "<b class='rosterCell--editIcon' data-email=a data-cm='{}'>",
        "<b class='rosterCell--editIcon' data-email=a data-role=student data-cm='{}'>",
        "<b class='rosterCell--editIcon' data-email=a data-role=0 data-cm='x'>",
        "<b class='roster'>",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_fails(gradescope_page_members(bad[i], strlen(bad[i]), error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(extensions)
{
    g_autofree char *adding = element("AddExtension", "{\"students\":[{\"id\":5,\"email\":\"a@x.edu\"}]}");
    g_autofree char *dated =
        element("EditExtension", "{\"studentName\":\"Ann\",\"override\":{\"user_id\":5,\"settings\":{\"due_date\":"
                                 "{\"type\":\"absolute\",\"value\":\"2026-10-08T21:00:00Z\"}}}}");
    g_autofree char *other = element("EditExtension", "{\"override\":{\"user_id\":6,\"settings\":{\"visible\":true}}}");
    g_autofree char *page = g_strconcat(dated, other, adding, NULL);
    g_autoptr(GPtrArray) list = NULL;
    ck_assert_good((list = gradescope_page_extensions(page, strlen(page), error)) != NULL);
    ck_assert_uint_eq(list->len, 2);
    const GradescopeExtension *first = g_ptr_array_index(list, 0), *second = g_ptr_array_index(list, 1);
    ck_assert_str_eq(first->email, "a@x.edu");
    ck_assert_str_eq(first->name, "Ann");
    ck_assert_int_eq(first->due_us, 1791493200 * CLOCK_SECOND_US);
    ck_assert(first->hard_due_us == G_MININT64 && second->due_us == G_MININT64 && !second->email && !second->name);
    g_autoptr(GPtrArray) none = NULL;
    ck_assert_good((none = gradescope_page_extensions(adding, strlen(adding), error)) != NULL);
    ck_assert_uint_eq(none->len, 0);
    ck_assert_fails(gradescope_page_extensions(dated, strlen(dated), error), RUBRIC_ERROR_INVALID);
    g_autofree char *odd = element("EditExtension", "{\"override\":{\"settings\":{}}}");
    g_autofree char *wrong = g_strconcat(adding, odd, NULL);
    ck_assert_fails(gradescope_page_extensions(wrong, strlen(wrong), error), RUBRIC_ERROR_INVALID);
}
END_TEST

static void check_state(const char *json, GradescopeFileState wanted, const char *wanted_url)
{
    GradescopeFileState state = GRADESCOPE_FILE_FAILED;
    g_autofree char *url = NULL;
    ck_assert_good(gradescope_answer_file_state(json, strlen(json), &state, &url, error));
    ck_assert_int_eq(state, wanted);
    ck_assert_pstr_eq(url, wanted_url);
}

START_TEST(files)
{
    const char made[] = "{\"generated_file_id\": 4503599627370495}";
    ck_assert_int_eq(gradescope_answer_file(made, strlen(made), NULL), 4503599627370495);
    static const char *const not_made[] = {"", "[]", "{}", "{\"generated_file_id\":\"7\"}",
                                           "{\"generated_file_id\":-1}"};
    for (gsize i = 0; i < G_N_ELEMENTS(not_made); i++)
        ck_assert_fails(gradescope_answer_file(not_made[i], strlen(not_made[i]), error) > 0, RUBRIC_ERROR_INVALID);
    check_state("{\"status\":\"unprocessed\",\"url\":\"https://x/\"}", GRADESCOPE_FILE_WAITS, NULL);
    check_state("{\"status\":\"processing\"}", GRADESCOPE_FILE_WAITS, NULL);
    check_state("{\"status\":\"failed\",\"url\":null}", GRADESCOPE_FILE_FAILED, NULL);
    check_state("{\"status\":\"completed\",\"url\":\"https://x/?s=1\"}", GRADESCOPE_FILE_READY, "https://x/?s=1");
    static const char *const bad[] = {"", "{}", "{\"status\":\"done\"}", "{\"status\":\"completed\"}",
                                      "{\"status\":\"completed\",\"url\":\"ftp://x/\"}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        GradescopeFileState state;
        g_autofree char *url = NULL;
        ck_assert_fails(gradescope_answer_file_state(bad[i], strlen(bad[i]), &state, &url, error),
                        RUBRIC_ERROR_INVALID);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradescope_page");
    TCase *pages = tcase_create("pages");
    tcase_add_test(pages, attributes_in_any_spelling);
    tcase_add_test(pages, scripts_are_no_markup);
    tcase_add_test(pages, tokens);
    tcase_add_test(pages, assignments);
    tcase_add_test(pages, members);
    tcase_add_test(pages, extensions);
    tcase_add_test(pages, files);
    suite_add_tcase(suite, pages);
    return run_suite(suite);
}
