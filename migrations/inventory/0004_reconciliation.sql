-- When a sweep last compared the product's projection with its object; the sweep takes the oldest first. The index must not name a
-- column that a flush writes, not even in a WHERE: each order would pay for it.
ALTER TABLE stock_levels ADD COLUMN reconciled_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stock_levels_by_reconciliation ON stock_levels (reconciled_at);

-- What the purge looks for each minute. Partial: a live reservation has no entry and costs no write.
CREATE INDEX reservations_over ON reservations (updated_at) WHERE state IN ('expired', 'released', 'consumed');
CREATE INDEX manual_reservations_over ON manual_reservations (updated_at) WHERE state IN ('released', 'failed');
CREATE INDEX adjustment_keys_by_time ON adjustment_keys (created_at);
