-- More channels than mail: what each user wants, where their devices are pushed to, and templates that are edited. Times are
-- milliseconds since the epoch.

-- A user without a row has every default.
CREATE TABLE preferences (
  user_id TEXT PRIMARY KEY,
  -- kind -> the channels chosen for it, as JSON; a kind that is not in it has its default
  channels TEXT NOT NULL CHECK (json_type(channels) = 'object'),
  -- E.164
  phone TEXT CHECK (phone GLOB '+[1-9]*'),
  -- BCP 47; NULL takes the language of the event
  locale TEXT,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE push_subscriptions (
  id TEXT PRIMARY KEY CHECK (id GLOB 'psh_*'),
  user_id TEXT NOT NULL,
  -- one browser is one user's, the last who asked for it there
  endpoint TEXT NOT NULL UNIQUE,
  p256dh TEXT NOT NULL,
  auth TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id, created_at);

ALTER TABLE templates ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
-- who wrote this version; NULL for what a migration brought
ALTER TABLE templates ADD COLUMN updated_by TEXT;

-- What an edited template was before: the present version stands in templates.
CREATE TABLE template_versions (
  kind TEXT NOT NULL,
  channel TEXT NOT NULL,
  locale TEXT NOT NULL,
  version INTEGER NOT NULL,
  subject TEXT NOT NULL,
  text_body TEXT NOT NULL,
  html_body TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT,
  PRIMARY KEY (kind, channel, locale, version)
) STRICT, WITHOUT ROWID;

-- For operators, who look for these; written only when one fails.
CREATE INDEX notifications_failed ON notifications (id) WHERE status = 'failed';
