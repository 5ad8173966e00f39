-- The history of an order in the order's row, which each entry changes anyway: docs/adr/032-what-an-order-writes.md. What the version before
-- has written stays in order_history, and is read with it.

-- [{ version, from, to, at, actor, reason, tracking }], oldest first.
ALTER TABLE orders ADD COLUMN history TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(history));
