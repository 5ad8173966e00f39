-- One payment per order, until it is void, without an index entry that each change of a status writes again: SQLite writes every index that
-- names a column which is set. A trigger does it for every writer, those of the version before too, and only when a payment becomes void.

-- Its own id once it is void.
ALTER TABLE payments ADD COLUMN void_id TEXT NOT NULL DEFAULT '';
UPDATE payments SET void_id = id WHERE status = 'VOIDED';
DROP INDEX payments_one_per_order;
-- By its prefix, all payments of an order.
CREATE UNIQUE INDEX payments_one_per_order ON payments (order_id, void_id);
CREATE TRIGGER payments_void_insert AFTER INSERT ON payments WHEN new.status = 'VOIDED' AND new.void_id = '' BEGIN
  UPDATE payments SET void_id = id WHERE id = new.id;
END;
CREATE TRIGGER payments_void_update AFTER UPDATE OF status ON payments WHEN new.status = 'VOIDED' AND new.void_id = '' BEGIN
  UPDATE payments SET void_id = id WHERE id = new.id;
END;
