-- Refunds of lines; whose goods an order is made of; and the net under shipments that inventory has not consumed.

-- The seller of all its lines; NULL when they are the shop's own or of several.
ALTER TABLE orders ADD COLUMN vendor_id TEXT;
UPDATE orders SET vendor_id = (
  SELECT min(vendor_id) FROM order_items WHERE order_id = orders.id
  HAVING count(*) = count(vendor_id) AND min(vendor_id) = max(vendor_id)
);
CREATE INDEX orders_by_vendor ON orders (vendor_id, created_at, id) WHERE vendor_id IS NOT NULL;

-- CONSUMED comes with STOCK_CONSUMED, which may be late for an order that is delivered by then.
DROP INDEX orders_unsettled;
ALTER TABLE orders DROP COLUMN unsettled;
-- Orders whose stock or money has not followed their status yet; see the net under it all in workers/orders/src/scheduled.ts.
ALTER TABLE orders ADD COLUMN unsettled INTEGER NOT NULL GENERATED ALWAYS AS (
  (status = 'CANCELLED'
    AND (stock_status IN ('PENDING', 'RESERVED') OR payment_status IN ('AUTHORIZED', 'CAPTURED', 'PARTIALLY_REFUNDED')))
  OR (status IN ('SHIPPED', 'DELIVERED') AND stock_status <> 'CONSUMED')
) VIRTUAL;
CREATE INDEX orders_unsettled ON orders (updated_at) WHERE unsettled = 1;

-- What refunds have taken, requested ones too: the last word against giving back more than was ordered.
ALTER TABLE order_items ADD COLUMN refunded_quantity INTEGER NOT NULL DEFAULT 0
  CHECK (refunded_quantity BETWEEN 0 AND quantity);

CREATE TABLE order_refunds (
  -- Also the idempotency key under which payments is asked, so that every try is one refund.
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  -- NULL when there is no money to give back, for goods that cost nothing.
  payment_id TEXT,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  -- The part of the amount that is shipping.
  shipping INTEGER NOT NULL CHECK (shipping BETWEEN 0 AND amount),
  currency TEXT NOT NULL,
  -- requested: the quantities are taken, the money is on its way. refused: they are given back.
  status TEXT NOT NULL CHECK (status IN ('requested', 'done', 'refused')),
  -- [{ itemId, productId, quantity, amount, restock }]
  lines TEXT NOT NULL CHECK (json_valid(lines)),
  reason TEXT,
  -- Who asked. Payments is asked in this name by every try, because its keys belong to an actor.
  actor TEXT NOT NULL,
  -- Only successes are remembered: NULL once refused.
  idempotency_key TEXT,
  fingerprint TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  -- Tries so far; a refusal counts only while no later try has begun.
  attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts > 0),
  -- NULL once settled.
  next_attempt_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((status = 'requested') = (next_attempt_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX order_refunds_by_order ON order_refunds (order_id);
CREATE UNIQUE INDEX order_refunds_by_key ON order_refunds (actor, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX order_refunds_open ON order_refunds (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
