-- SPDX-License-Identifier: Apache-2.0
-- Keys that let a program hand in for one assignment and read what it handed in. A key itself is nowhere: only its
-- SHA-256. Times are microseconds since 1970 UTC.

CREATE TABLE api_key (
  id             INTEGER PRIMARY KEY,
  assignment     TEXT NOT NULL,
  hash           TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  note           TEXT,
  max_bytes      INTEGER NOT NULL,
  made_us        INTEGER NOT NULL,
  made_by        TEXT,
  used_us        INTEGER NOT NULL DEFAULT 0,
  revoked_us     INTEGER NOT NULL DEFAULT 0,
  revoked_by     TEXT
) STRICT;
