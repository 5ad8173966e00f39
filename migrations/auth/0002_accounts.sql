-- Who may sign in, their sessions, and the keys that access tokens are signed with. Times are milliseconds since the epoch.

-- `email` is stored in lower case; NOCASE keeps a second spelling out even where a row came by another way than the service.
CREATE TABLE users (
  id TEXT PRIMARY KEY CHECK (id GLOB 'usr_*'),
  email TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (email = lower(email)),
  name TEXT NOT NULL CHECK (name <> ''),
  role TEXT NOT NULL CHECK (role IN ('customer', 'vendor', 'admin')),
  -- scrypt$<log2 N>$<r>$<p>$<salt>$<key>, salt and key in base64url
  password_hash TEXT NOT NULL CHECK (password_hash GLOB 'scrypt$*$*$*$*$*'),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One sign-in and all the refresh tokens that came of it. Ending it is one row, so no token can be added to an ended family.
CREATE TABLE token_families (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- the end of its newest token
  expires_at INTEGER NOT NULL CHECK (expires_at <= ends_at),
  -- no refresh reaches beyond this
  ends_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT CHECK (ended_by IN ('logout', 'reuse', 'password')),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX token_families_open ON token_families (user_id) WHERE ended_at IS NULL;

-- Only the SHA-256 of a token is kept. A row stays after its use until it expires: that is how a second use is known.
CREATE TABLE refresh_tokens (
  token_hash TEXT PRIMARY KEY CHECK (length(token_hash) = 64),
  family_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;

-- Generation n + 1 takes over from n at its `active_from`. The primary key lets one of two makers of a generation win.
CREATE TABLE signing_keys (
  generation INTEGER PRIMARY KEY CHECK (generation >= 1),
  kid TEXT NOT NULL UNIQUE,
  public_jwk TEXT NOT NULL CHECK (json_valid(public_jwk)),
  -- the private JWK as a compact JWE (dir, A256GCM), never in the clear
  private_jwe TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  active_from INTEGER NOT NULL
) STRICT;
