/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of the web session, in any form: the whole of what is looked for, or an error. */
#include "daemon/net/gradescope_page.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *page = (const char *)data;
    HtmlTags tags;
    html_tags_start(&tags, page, size);
    while (html_tags_next(&tags)) {
        g_autofree char *value = html_attribute(&tags, "data-react-props");
        g_assert(!value || strlen(value) <= size);
        g_assert(tags.name_length > 0 && tags.until <= tags.end && tags.at <= tags.end);
    }
    g_autofree char *login = gradescope_page_login_token(page, size, NULL);
    g_autofree char *csrf = gradescope_page_csrf(page, size, NULL);
    g_assert((!login || *login) && (!csrf || *csrf));
    g_autoptr(GPtrArray) assignments = gradescope_page_assignments(page, size, NULL);
    for (guint i = 0; assignments && i < assignments->len; i++)
        g_assert(is_number(((const GradescopeAssignment *)g_ptr_array_index(assignments, i))->id));
    g_autoptr(GPtrArray) members = gradescope_page_members(page, size, NULL);
    for (guint i = 0; members && i < members->len; i++)
        g_assert(*((const GradescopeMember *)g_ptr_array_index(members, i))->email);
    g_autoptr(GPtrArray) extensions = gradescope_page_extensions(page, size, NULL);
    for (guint i = 0; extensions && i < extensions->len; i++)
        g_assert(((const GradescopeExtension *)g_ptr_array_index(extensions, i))->due_us >= G_MININT64);
    GradescopeFileState state = GRADESCOPE_FILE_WAITS;
    g_autofree char *url = NULL;
    bool is_told = gradescope_answer_file_state(page, size, &state, &url, NULL);
    g_assert((is_told && state == GRADESCOPE_FILE_READY) == (url != NULL));
    g_assert(gradescope_answer_file(page, size, NULL) != 0);
    return 0;
}
