/* SPDX-License-Identifier: Apache-2.0 */
/* Bare repositories made object by object, so that they can hold what git itself would refuse. */
#pragma once

#include "tests/unit/worker/archives.h"

#include <git2.h>

typedef struct {
    char *path;
    git_repository *repository;
} TestRepository;

static inline TestRepository repository_new(void)
{
    git_libgit2_init();
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
    TestRepository made = {.path = g_dir_make_tmp("rubric-repository-XXXXXX", NULL)};
    ck_assert_int_eq(git_repository_init(&made.repository, made.path, 1), 0);
    return made;
}

static inline void repository_clear(TestRepository *made)
{
    git_repository_free(made->repository);
    file_remove_tree(made->path, NULL);
    g_free(made->path);
    git_libgit2_shutdown();
}
typedef TestRepository TestRepositoryAuto;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestRepositoryAuto, repository_clear)

static inline git_oid add_object(TestRepository *made, git_object_t type, const void *data, gsize length)
{
    git_odb *objects;
    git_oid id;
    ck_assert_int_eq(git_repository_odb(&objects, made->repository), 0);
    ck_assert_int_eq(git_odb_write(&id, objects, data, length, type), 0);
    git_odb_free(objects);
    return id;
}

static inline git_oid add_blob_text(TestRepository *made, const char *text)
{
    return add_object(made, GIT_OBJECT_BLOB, text, strlen(text));
}

typedef struct {
    const char *mode, *name;
    git_oid id;
} TreeLine;

/* In the order given, with names as given. */
static inline git_oid add_tree_of(TestRepository *made, const TreeLine *lines, gsize n)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (gsize i = 0; i < n; i++) {
        g_autofree char *head = g_strdup_printf("%s %s", lines[i].mode, lines[i].name);
        g_byte_array_append(bytes, (const guint8 *)head, (guint)strlen(head) + 1);
        g_byte_array_append(bytes, lines[i].id.id, GIT_OID_RAWSZ);
    }
    return add_object(made, GIT_OBJECT_TREE, bytes->data, bytes->len);
}

/* Hex of a new commit without parents. Caller frees. */
static inline char *add_commit_of(TestRepository *made, git_oid tree)
{
    char hex[GIT_OID_HEXSZ + 1];
    git_oid_tostr(hex, sizeof hex, &tree);
    g_autofree char *text =
        g_strdup_printf("tree %s\nauthor A <a@b> 1663800000 +0000\ncommitter A <a@b> 1663800000 +0000\n\nm\n", hex);
    git_oid id = add_object(made, GIT_OBJECT_COMMIT, text, strlen(text));
    git_oid_tostr(hex, sizeof hex, &id);
    return g_strdup(hex);
}
