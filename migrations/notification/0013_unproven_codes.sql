-- Codes that accounts without a verified e-mail address had texted, of a day, by the client network they were asked from: anybody
-- makes as many accounts as they like. Times are milliseconds since the epoch.
CREATE TABLE unproven_codes (
  notification_id TEXT PRIMARY KEY CHECK (notification_id GLOB 'ntf_*'),
  -- a digest
  network TEXT NOT NULL,
  sent_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unproven_codes_of_network ON unproven_codes (network, sent_at);
