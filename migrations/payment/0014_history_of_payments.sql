-- The history of a payment in the payment's row, which each entry changes anyway: docs/adr/032-what-an-order-writes.md. What the version
-- before has written stays in payment_history, and is read with it.

-- [{ version, status, at, actor, reason }], oldest first; `version` is the payment's after the change.
ALTER TABLE payments ADD COLUMN history TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(history));
