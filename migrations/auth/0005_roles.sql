-- Roles that admins change: a list of users by role, and sessions that end with a role.
CREATE INDEX users_by_role ON users (role, email);

-- `ended_by` takes a fourth reason. SQLite changes a CHECK by making the table anew.
CREATE TABLE token_families_anew (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- the end of its newest token
  expires_at INTEGER NOT NULL CHECK (expires_at <= ends_at),
  -- no refresh reaches beyond this
  ends_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT CHECK (ended_by IN ('logout', 'reuse', 'password', 'role')),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO token_families_anew (id, user_id, created_at, expires_at, ends_at, ended_at, ended_by)
  SELECT id, user_id, created_at, expires_at, ends_at, ended_at, ended_by FROM token_families;
DROP TABLE token_families;
ALTER TABLE token_families_anew RENAME TO token_families;
CREATE INDEX token_families_open ON token_families (user_id) WHERE ended_at IS NULL;
