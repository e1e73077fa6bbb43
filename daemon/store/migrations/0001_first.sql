-- SPDX-License-Identifier: Apache-2.0
-- The first schema. Times are microseconds since 1970 UTC, points and tokens thousandths, JSON is text that C made.

CREATE TABLE submission (
  id             INTEGER PRIMARY KEY,
  assignment     TEXT NOT NULL,
  owner_kind     TEXT NOT NULL,
  owner          TEXT NOT NULL,
  source         TEXT NOT NULL,
  external_id    TEXT NOT NULL,
  revision       TEXT NOT NULL,
  received_us    INTEGER NOT NULL,
  seen_us        INTEGER NOT NULL,
  content_kind   TEXT,
  content_path   TEXT,
  content_digest TEXT,
  git_refs       TEXT,
  location       TEXT,
  remark         TEXT,
  state          TEXT NOT NULL
    CHECK (state IN ('received', 'fetched', 'graded', 'decided', 'posted', 'replaced', 'refused')),
  fetched_us     INTEGER NOT NULL DEFAULT 0,
  graded_us      INTEGER NOT NULL DEFAULT 0,
  decided_us     INTEGER NOT NULL DEFAULT 0,
  posted_us      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, external_id, revision)
) STRICT;
CREATE INDEX submission_by_owner ON submission (assignment, owner, received_us);
CREATE INDEX submission_by_time ON submission (received_us);
CREATE INDEX submission_by_state ON submission (state);

-- Grading to be done. The claim walks job_queue from its start: lane, due_us and turn were fixed when the job was queued
-- (store_jobs.c tells how), so no claim ever sorts.
CREATE TABLE job (
  id             INTEGER PRIMARY KEY,
  submission_id  INTEGER NOT NULL REFERENCES submission (id),
  assignment     TEXT NOT NULL,
  owner_kind     TEXT NOT NULL,
  owner          TEXT NOT NULL,
  received_us    INTEGER NOT NULL,
  lane           INTEGER NOT NULL CHECK (lane IN (0, 1, 2)),
  due_us         INTEGER NOT NULL,
  turn           INTEGER NOT NULL,
  why            TEXT NOT NULL,
  rubric_digest  TEXT,
  state          TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'done', 'replaced')),
  attempt        INTEGER NOT NULL DEFAULT 0,
  worker         TEXT,
  lease_until_us INTEGER NOT NULL DEFAULT 0,
  not_before_us  INTEGER NOT NULL DEFAULT 0,
  queued_us      INTEGER NOT NULL,
  claimed_us     INTEGER NOT NULL DEFAULT 0,
  done_us        INTEGER NOT NULL DEFAULT 0,
  failures       INTEGER NOT NULL DEFAULT 0,
  last_error     TEXT
) STRICT;
CREATE INDEX job_queue ON job (lane, due_us, turn, received_us, id) WHERE state = 'queued';
CREATE INDEX job_leases ON job (lease_until_us) WHERE state = 'claimed';
CREATE UNIQUE INDEX job_one_queued ON job (submission_id) WHERE state = 'queued';
CREATE INDEX job_one_claimed ON job (submission_id) WHERE state = 'claimed';
CREATE INDEX job_served ON job (lane, due_us, turn) WHERE state IN ('claimed', 'done');
CREATE INDEX job_owner_turns ON job (lane, due_us, owner_kind, owner, turn);

CREATE TABLE verdict (
  id             INTEGER PRIMARY KEY,
  submission_id  INTEGER NOT NULL REFERENCES submission (id),
  number         INTEGER NOT NULL CHECK (number > 0),
  origin         TEXT NOT NULL,
  rubric_digest  TEXT,
  made_us        INTEGER NOT NULL,
  points_milli   INTEGER NOT NULL,
  bonus_milli    INTEGER NOT NULL,
  max_milli      INTEGER NOT NULL,
  n_review       INTEGER NOT NULL,
  n_error        INTEGER NOT NULL,
  json           TEXT NOT NULL,
  UNIQUE (submission_id, number)
) STRICT;

CREATE TABLE decision (
  id             INTEGER PRIMARY KEY,
  submission_id  INTEGER NOT NULL REFERENCES submission (id),
  made_us        INTEGER NOT NULL,
  json           TEXT NOT NULL
) STRICT;
CREATE INDEX decision_by_submission ON decision (submission_id, id);

-- What happened, as far as tokens are concerned. No reference to submission: an event outlives everything.
CREATE TABLE event (
  id             INTEGER PRIMARY KEY,
  at_us          INTEGER NOT NULL,
  booked_us      INTEGER NOT NULL,
  account        TEXT NOT NULL,
  kind           TEXT NOT NULL,
  assignment     TEXT,
  submission_id  INTEGER NOT NULL DEFAULT 0,
  data           TEXT NOT NULL,
  who            TEXT,
  why            TEXT,
  unique_key     TEXT UNIQUE
) STRICT;
CREATE INDEX event_by_account ON event (account, at_us, id);

CREATE TABLE ledger (
  seq            INTEGER PRIMARY KEY,
  booked_us      INTEGER NOT NULL,
  account        TEXT NOT NULL,
  amount_milli   INTEGER NOT NULL,
  kind           TEXT NOT NULL,
  assignment     TEXT,
  submission_id  INTEGER NOT NULL DEFAULT 0,
  corrects_seq   INTEGER NOT NULL DEFAULT 0,
  reason         TEXT NOT NULL,
  previous_hash  TEXT NOT NULL CHECK (length(previous_hash) = 64),
  hash           TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;
CREATE INDEX ledger_by_account ON ledger (account, seq, amount_milli);

CREATE TABLE flag (
  id             INTEGER PRIMARY KEY,
  submission_id  INTEGER REFERENCES submission (id),
  item           TEXT NOT NULL DEFAULT '',
  kind           TEXT NOT NULL,
  message        TEXT NOT NULL,
  evidence       TEXT,
  state          TEXT NOT NULL CHECK (state IN ('open', 'pass', 'fail', 'closed')),
  decided_by     TEXT,
  reason         TEXT,
  raised_us      INTEGER NOT NULL,
  decided_us     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX flag_one_open ON flag (coalesce(submission_id, 0), item, kind) WHERE state = 'open';
CREATE INDEX flag_by_submission ON flag (submission_id);

CREATE TABLE outbox (
  id              INTEGER PRIMARY KEY,
  submission_id   INTEGER NOT NULL REFERENCES submission (id),
  verdict_id      INTEGER NOT NULL REFERENCES verdict (id),
  sink            TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  external_id     TEXT,
  state           TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'done', 'given_up', 'replaced')),
  attempt         INTEGER NOT NULL DEFAULT 0,
  worker          TEXT,
  lease_until_us  INTEGER NOT NULL DEFAULT 0,
  not_before_us   INTEGER NOT NULL DEFAULT 0,
  queued_us       INTEGER NOT NULL,
  done_us         INTEGER NOT NULL DEFAULT 0,
  tries           INTEGER NOT NULL DEFAULT 0,
  last_error      TEXT
) STRICT;
CREATE INDEX outbox_queue ON outbox (not_before_us, id) WHERE state = 'queued';
CREATE INDEX outbox_leases ON outbox (lease_until_us) WHERE state = 'claimed';
CREATE INDEX outbox_given_up ON outbox (id) WHERE state = 'given_up';
CREATE INDEX outbox_by_submission ON outbox (submission_id, sink, id);

CREATE TABLE cursor (
  source         TEXT NOT NULL,
  key            TEXT NOT NULL,
  json           TEXT NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE rubric_version (
  digest         TEXT PRIMARY KEY,
  assignment     TEXT NOT NULL,
  path           TEXT NOT NULL,
  snapshot       TEXT NOT NULL,
  noted_us       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only. REPLACE fires no DELETE trigger by default, so inserting over an old row is refused as well.
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_no_replace BEFORE INSERT ON event WHEN EXISTS (SELECT 1 FROM event WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TRIGGER verdict_no_update BEFORE UPDATE ON verdict
  BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE TRIGGER verdict_no_delete BEFORE DELETE ON verdict
  BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE TRIGGER verdict_no_replace BEFORE INSERT ON verdict
  WHEN EXISTS (SELECT 1 FROM verdict WHERE id = NEW.id OR (submission_id = NEW.submission_id AND number = NEW.number))
  BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;

CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
  BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision
  BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decision_no_replace BEFORE INSERT ON decision WHEN EXISTS (SELECT 1 FROM decision WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
    OR NEW.previous_hash IS NOT coalesce((SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1),
         '0000000000000000000000000000000000000000000000000000000000000000')
  BEGIN SELECT RAISE(ABORT, 'a ledger line must follow the last one'); END;
