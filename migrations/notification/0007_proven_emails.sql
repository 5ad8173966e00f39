-- The e-mail addresses that accounts have verified, as EMAIL_VERIFIED told.
CREATE TABLE proven_emails (
  user_id TEXT PRIMARY KEY,
  -- as the account writes it
  email TEXT NOT NULL CHECK (email <> ''),
  -- the event's time, in milliseconds since the epoch: an older event that comes late changes nothing
  proven_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
