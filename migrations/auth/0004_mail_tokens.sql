-- When the user proved that mail to the address reaches them: by a token from a mail. NULL until then.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;

-- Tokens that a mail carries, good once: a used one is deleted. Only the SHA-256 is kept.
CREATE TABLE mail_tokens (
  token_hash TEXT PRIMARY KEY CHECK (length(token_hash) = 64),
  user_id TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('password_reset', 'email_verification')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_tokens_by_user ON mail_tokens (user_id, purpose);
CREATE INDEX mail_tokens_by_end ON mail_tokens (expires_at);
