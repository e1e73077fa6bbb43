-- SPDX-License-Identifier: Apache-2.0
-- What students ask for, and what became of it. Times are microseconds since 1970 UTC.

CREATE TABLE request (
  id             INTEGER PRIMARY KEY,
  account        TEXT NOT NULL,
  assignment     TEXT NOT NULL,
  kind           TEXT NOT NULL CHECK (kind IN ('extension', 'resubmission', 'late')),
  text           TEXT NOT NULL,
  who            TEXT,
  asked_us       INTEGER NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('open', 'granted', 'denied')),
  decided_by     TEXT,
  reason         TEXT,
  decided_us     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX request_open ON request (id) WHERE state = 'open';
CREATE TRIGGER request_no_delete BEFORE DELETE ON request
  BEGIN SELECT RAISE(ABORT, 'requests are kept'); END;
CREATE TRIGGER request_decided_once BEFORE UPDATE ON request WHEN OLD.state <> 'open'
  BEGIN SELECT RAISE(ABORT, 'a request is decided once'); END;
