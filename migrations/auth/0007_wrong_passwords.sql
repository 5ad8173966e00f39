-- Wrong passwords within a window, per e-mail and where they came from, and per e-mail alone. A bucket's name is a keyed hash: neither
-- the e-mail that a stranger typed nor the network is kept.
CREATE TABLE wrong_passwords (
  bucket TEXT PRIMARY KEY CHECK (length(bucket) = 43),
  failures INTEGER NOT NULL CHECK (failures >= 0),
  -- the end of the window, which begins with its first failure
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX wrong_passwords_by_end ON wrong_passwords (ends_at);

-- Networks and devices that signed in to an account, as keyed hashes. They get in when strangers have used the e-mail's ceiling up.
CREATE TABLE known_sources (
  user_id TEXT NOT NULL,
  source TEXT NOT NULL CHECK (length(source) = 43),
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_sources_by_age ON known_sources (seen_at);
