-- Idempotency keys that found an order's open payment instead of making it: a key that made one stands in payments. `fingerprint` is
-- a digest of what was asked under the key; times are milliseconds since the epoch.
CREATE TABLE intent_keys (
  idempotency_key TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
