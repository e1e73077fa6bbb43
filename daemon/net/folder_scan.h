/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a watched folder right now: names, kinds and fingerprints; nothing is opened for reading but folders.
 */
#pragma once

#include "daemon/net/source.h"

typedef enum {
    CANDIDATE_ARCHIVE, /* a file: an owner's archive, or a Gradescope export as a zip */
    CANDIDATE_FOLDER,  /* an owner's folder */
    CANDIDATE_EXPORT,  /* a folder with submission_metadata.yml */
    CANDIDATE_OTHER,   /* a file of no kind that is taken */
} CandidateKind;

typedef struct {
    CandidateKind kind;
    char *path;       /* relative to the watched folder */
    char *assignment; /* name of the folder that it lies in, NULL: beside the assignments' folders */
    char *owner;      /* file name without its ending, folder name */
    char
        *fingerprint; /* of a file: size, mtime, inode; NULL for folders: folder_fingerprint is asked when it matters */
} Candidate;

/* All candidates, by name; at most 100,000 (LIMIT). Hidden files, and those that copying programs use meanwhile, are
 * left out; so are links and special files. Array of Candidate*, owning. */
GPtrArray *folder_scan(int root_fd, GError **error);

/* Digest of names, sizes, times and kinds of everything in a folder (links are not followed), so that it changes
 * whenever something in it does; of a huge tree the first 1,000,000 entries. NULL and *error when it cannot be read.
 * Caller frees. */
char *folder_fingerprint(int root_fd, const char *path, GError **error);

/* "f:<size>:<mtime>:<inode>" of an open file. Caller frees. */
char *file_fingerprint(int fd);
