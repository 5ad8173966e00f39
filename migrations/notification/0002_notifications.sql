-- Messages to people, and the templates they are rendered from. Times are milliseconds since the epoch.

CREATE TABLE templates (
  kind TEXT NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms', 'push')),
  locale TEXT NOT NULL,
  -- `{{name}}` stands for a variable; html is escaped where it is put in
  subject TEXT NOT NULL CHECK (subject <> ''),
  text_body TEXT NOT NULL CHECK (text_body <> ''),
  html_body TEXT NOT NULL,
  -- the names of all variables that must be there, as a JSON array
  variables TEXT NOT NULL CHECK (json_type(variables) = 'array'),
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (kind, channel, locale)
) STRICT, WITHOUT ROWID;

-- Once per event: the rows of an event stand in one batch with its inbox row, whose key refuses a second time.
CREATE TABLE notifications (
  id TEXT PRIMARY KEY CHECK (id GLOB 'ntf_*'),
  event_id TEXT NOT NULL,
  -- what the event is about: the id of an order, a product, a user
  about TEXT NOT NULL,
  audience TEXT NOT NULL CHECK (audience IN ('user', 'admins')),
  -- NULL for a guest and for the admins as a group
  user_id TEXT,
  recipient TEXT NOT NULL CHECK (recipient <> ''),
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms', 'push')),
  template TEXT NOT NULL,
  locale TEXT NOT NULL,
  subject TEXT NOT NULL,
  text_body TEXT NOT NULL,
  html_body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
  -- tries begun, the one under way included
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  -- when the next try is due, and until when somebody is at this one
  next_attempt_at INTEGER NOT NULL,
  leased_until INTEGER NOT NULL,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  read_at INTEGER,
  CHECK (audience = 'user' OR user_id IS NULL),
  CHECK ((status = 'sent') = (sent_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_pending ON notifications (next_attempt_at) WHERE status = 'pending';
CREATE INDEX notifications_of_user ON notifications (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX notifications_of_admins ON notifications (created_at) WHERE audience = 'admins';
