-- Declined cards, so that nobody tries out card numbers here: see docs/adr/024-card-testing-and-the-sandbox.md. One row per failed
-- charge at Stripe, by its id, so a decline counts once however often it is told. Times are milliseconds since the epoch.
CREATE TABLE declines (
  charge_id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  -- Digests that tell who paid: an unproven account, or a guest's e-mail and client network; and the client network alone. Null for
  -- a proven account, which only the cap of the order counts.
  payer TEXT,
  network TEXT,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX declines_by_order ON declines (order_id);
CREATE INDEX declines_by_payer ON declines (payer, at) WHERE payer IS NOT NULL;
CREATE INDEX declines_by_network ON declines (network, at) WHERE network IS NOT NULL;
CREATE INDEX declines_by_time ON declines (at);

-- Who began the payment, as in declines.
ALTER TABLE payments ADD COLUMN payer TEXT;
ALTER TABLE payments ADD COLUMN network TEXT;
-- The cap on declines that ended the payment. Its intent is cancelled at Stripe, unless somebody paid before that.
ALTER TABLE payments ADD COLUMN stopped_by TEXT CHECK (stopped_by IN ('order', 'payer', 'network'));
