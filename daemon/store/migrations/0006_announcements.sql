-- SPDX-License-Identifier: Apache-2.0
-- An effect without a verdict announces that a submission waits or is being graded: it stands in the same table, so that
-- it and the result are never under way at once. A result that a newer submission of the owner has overtaken is marked.

CREATE TABLE outbox_new (
  id              INTEGER PRIMARY KEY,
  submission_id   INTEGER NOT NULL REFERENCES submission (id),
  verdict_id      INTEGER REFERENCES verdict (id),
  sink            TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  external_id     TEXT,
  state           TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'done', 'given_up', 'replaced')),
  is_superseded   INTEGER NOT NULL DEFAULT 0 CHECK (is_superseded IN (0, 1)),
  attempt         INTEGER NOT NULL DEFAULT 0,
  worker          TEXT,
  lease_until_us  INTEGER NOT NULL DEFAULT 0,
  not_before_us   INTEGER NOT NULL DEFAULT 0,
  queued_us       INTEGER NOT NULL,
  done_us         INTEGER NOT NULL DEFAULT 0,
  tries           INTEGER NOT NULL DEFAULT 0,
  last_error      TEXT
) STRICT;
INSERT INTO outbox_new (id, submission_id, verdict_id, sink, idempotency_key, external_id, state, attempt, worker, lease_until_us,
                        not_before_us, queued_us, done_us, tries, last_error)
  SELECT id, submission_id, verdict_id, sink, idempotency_key, external_id, state, attempt, worker, lease_until_us,
         not_before_us, queued_us, done_us, tries, last_error FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_queue ON outbox (is_superseded, not_before_us, id) WHERE state = 'queued';
CREATE INDEX outbox_leases ON outbox (lease_until_us) WHERE state = 'claimed';
CREATE INDEX outbox_given_up ON outbox (id) WHERE state = 'given_up';
CREATE INDEX outbox_by_submission ON outbox (submission_id, sink, id);
CREATE INDEX outbox_announced ON outbox (queued_us) WHERE verdict_id IS NULL;
