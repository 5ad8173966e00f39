-- Events and their delivery: see shared/outbox.ts and shared/inbox.ts. The same in every database.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  envelope TEXT NOT NULL CHECK (json_valid(envelope)),
  confirmed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_unconfirmed ON outbox (time) WHERE confirmed_at IS NULL;
CREATE INDEX outbox_by_subject ON outbox (subject);
CREATE INDEX outbox_by_correlation ON outbox (correlation_id);

CREATE TABLE inbox (
  event_id TEXT PRIMARY KEY,
  handled_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_failures (
  event_id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  failed_at INTEGER NOT NULL,
  retry_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
  event_id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  envelope TEXT NOT NULL CHECK (json_valid(envelope)),
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  dead_at INTEGER NOT NULL,
  replayed_at INTEGER
) STRICT, WITHOUT ROWID;
