-- What operators read: see shared/audit.ts and shared/findings.ts. The same in every database.
CREATE TABLE audit_log (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  actor_role TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  request_id TEXT NOT NULL,
  details TEXT NOT NULL CHECK (json_valid(details))
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_by_subject ON audit_log (subject);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id);

CREATE TABLE findings (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL CHECK (json_valid(details)),
  outcome TEXT NOT NULL CHECK (outcome IN ('mended', 'open')),
  times INTEGER NOT NULL DEFAULT 1 CHECK (times > 0),
  first_found_at INTEGER NOT NULL,
  last_found_at INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_by_time ON findings (last_found_at);
