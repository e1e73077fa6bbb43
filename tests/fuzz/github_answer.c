/* SPDX-License-Identifier: Apache-2.0 */
/* What GitHub tells of repositories, refs and pushes, in any form: what is kept is plain. */
#include "daemon/net/source_github.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const GithubListing *listing)
{
    for (guint i = 0; i < listing->sights->len; i++) {
        const GithubSight *sight = g_ptr_array_index(listing->sights, i);
        g_assert(sight->id > 0 && sight->node_id && strchr(sight->full_name, '/'));
        for (guint j = 0; j < sight->refs->len; j++) {
            const GithubPush *push = g_ptr_array_index(sight->refs, j);
            g_assert(github_ref_is_plain(push->ref) && github_sha_is_plain(push->sha));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(cJSON) json = json_parse((const char *)data, size, NULL);
    if (!json)
        return 0;
    g_autoptr(GPtrArray) branches = g_ptr_array_new();
    g_autoptr(GPtrArray) bases = g_ptr_array_new();
    g_ptr_array_add(branches, (gpointer) "refs/heads/main");
    g_ptr_array_add(bases, (gpointer) "main");
    const GithubInterest interest = {.branches = branches, .bases = bases, .tags = true, .releases = true};
    g_auto(GithubListing) page = {0};
    g_auto(GithubListing) list = {0};
    github_listing_read(json, &interest, &page);
    check(&page);
    github_listing_read_rest(json, &list);
    check(&list);
    GithubTeam team = {0};
    github_team_read(json, 0, &team);
    check(&team.writable);
    github_listing_clear(&team.writable);
    g_autoptr(GPtrArray) record = github_activity_read(json, "refs/heads/main");
    for (guint i = 0; i < record->len; i++)
        g_assert(github_sha_is_plain(((const GithubPush *)g_ptr_array_index(record, i))->sha));
    return 0;
}
