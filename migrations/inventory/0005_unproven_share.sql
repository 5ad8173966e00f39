-- Whether a reservation counts toward the share of the product that buyers without proof may hold together. What was reserved
-- before this was told does not. The index tells operators how much counts now.
ALTER TABLE reservations ADD COLUMN counted INTEGER NOT NULL DEFAULT 0 CHECK (counted IN (0, 1));
CREATE INDEX reservations_counted ON reservations (quantity) WHERE counted = 1 AND state IN ('held', 'reserved');
