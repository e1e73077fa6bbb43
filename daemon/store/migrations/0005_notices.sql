-- SPDX-License-Identifier: Apache-2.0
-- Digests for the course's staff: one effect each, so that a restart neither loses nor repeats what is known to have
-- arrived. What the next one calls new hangs on the last that is done. Times are microseconds since 1970 UTC.

CREATE TABLE notice (
  id             INTEGER PRIMARY KEY,
  sink           TEXT NOT NULL,
  span           INTEGER NOT NULL,
  text           TEXT NOT NULL,
  flag_id        INTEGER NOT NULL,
  trouble        TEXT NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('queued', 'done', 'given_up')),
  tries          INTEGER NOT NULL DEFAULT 0,
  not_before_us  INTEGER NOT NULL,
  made_us        INTEGER NOT NULL,
  done_us        INTEGER NOT NULL DEFAULT 0,
  last_error     TEXT,
  UNIQUE (sink, span)
) STRICT;
CREATE UNIQUE INDEX notice_one_queued ON notice (sink) WHERE state = 'queued';
CREATE INDEX flag_open ON flag (kind) WHERE state = 'open';
