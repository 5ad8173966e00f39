-- Ceilings of messages per recipient: what one holds back is kept as `held_back`. SQLite cannot change a CHECK, so the table is
-- built anew. Times are milliseconds since the epoch.
CREATE TABLE notifications_new (
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
  status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'failed', 'held_back')),
  -- tries begun, the one under way included
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  -- when the next try is due, and until when somebody is at this one
  next_attempt_at INTEGER NOT NULL,
  leased_until INTEGER NOT NULL,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  read_at INTEGER,
  -- the recipient, normalised, whose ceiling this message counts for; NULL for one that is outside of the ceilings and for one that
  -- was held back
  counted_for TEXT,
  CHECK (audience = 'user' OR user_id IS NULL),
  CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
  CHECK (audience = 'user' OR (counted_for IS NULL AND status <> 'held_back'))
) STRICT, WITHOUT ROWID;
INSERT INTO notifications_new (id, event_id, about, audience, user_id, recipient, channel, template, locale, subject, text_body,
    html_body, status, attempts, next_attempt_at, leased_until, last_error, created_at, sent_at, read_at)
  SELECT id, event_id, about, audience, user_id, recipient, channel, template, locale, subject, text_body, html_body, status,
    attempts, next_attempt_at, leased_until, last_error, created_at, sent_at, read_at FROM notifications;
DROP TABLE notifications;
ALTER TABLE notifications_new RENAME TO notifications;

CREATE INDEX notifications_pending ON notifications (next_attempt_at) WHERE status = 'pending';
CREATE INDEX notifications_of_user ON notifications (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX notifications_of_admins ON notifications (created_at) WHERE audience = 'admins';
-- For operators, who look for these; written only when one fails or is held back.
CREATE INDEX notifications_failed ON notifications (id) WHERE status = 'failed';
CREATE INDEX notifications_held_back ON notifications (id) WHERE status = 'held_back';
-- What of an order was held back, and how much by channel.
CREATE INDEX notifications_held_back_about ON notifications (about, channel) WHERE status = 'held_back';
-- What a ceiling counts: the recent messages of one recipient.
CREATE INDEX notifications_counted ON notifications (counted_for, created_at, event_id) WHERE counted_for IS NOT NULL;
-- One message on declined payments an hour and order.
CREATE INDEX notifications_payment_failed ON notifications (about, created_at) WHERE template = 'payment_failed';
-- Text messages cost, so they have ceilings of their own, for the number and for the user.
CREATE INDEX notifications_texts_to ON notifications (recipient, created_at) WHERE channel = 'sms';
CREATE INDEX notifications_texts_of ON notifications (user_id, created_at) WHERE channel = 'sms';

-- Orders whose money has been authorized: their messages are outside of the ceilings, in whatever order events come.
CREATE TABLE proven_orders (
  order_id TEXT PRIMARY KEY,
  proven_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A stranger may have typed the name, so the greeting is code's to make. What an admin has edited stays as it is.
UPDATE templates SET
  text_body = replace(replace(text_body, 'Hello {{name}},', '{{greeting}},'), 'Guten Tag {{name}},', '{{greeting}},'),
  html_body = replace(replace(html_body, 'Hello {{name}},', '{{greeting}},'), 'Guten Tag {{name}},', '{{greeting}},'),
  variables = replace(variables, '"name"', '"greeting"')
WHERE updated_by IS NULL AND channel = 'email' AND instr(text_body, '{{name}},') > 0;
