-- SPDX-License-Identifier: Apache-2.0
-- What platforms told us by webhook: kept when it arrives, acted on by intake. Times are microseconds since 1970 UTC.

CREATE TABLE delivery (
  id             INTEGER PRIMARY KEY,
  source         TEXT NOT NULL,
  guid           TEXT NOT NULL,
  event          TEXT NOT NULL,
  action         TEXT,
  repository     TEXT,
  body           TEXT,
  received_us    INTEGER NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('new', 'done', 'ignored')),
  note           TEXT,
  UNIQUE (source, guid)
) STRICT;
CREATE INDEX delivery_new ON delivery (source, id) WHERE state = 'new';
CREATE INDEX delivery_age ON delivery (received_us) WHERE state <> 'new';
