-- Disputes as Stripe has them, until when an authorization can be captured, and how far Stripe's list of events was compared with
-- what its webhooks brought. Times are milliseconds since the epoch, amounts minor units.
CREATE TABLE disputes (
  id TEXT PRIMARY KEY,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- Stripe's own: needs_response, under_review, won, lost, and the inquiries' warning_ forms.
  status TEXT NOT NULL,
  -- What the dispute has taken out of the shop's balance and not given back.
  amount_withdrawn INTEGER NOT NULL CHECK (amount_withdrawn >= 0),
  evidence_due_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_by_payment ON disputes (payment_id);

-- Null when Stripe did not say; then a rule of thumb counts from the authorization.
ALTER TABLE payments ADD COLUMN capture_until INTEGER;
-- When the admins were told that the authorization is about to lapse.
ALTER TABLE payments ADD COLUMN expiry_flagged_at INTEGER;

-- Up to when a sweep has done its work, by the sweep's name.
CREATE TABLE marks (
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
