-- Orders that staff is at work on, by status: counted for operators and listed in the order of the list. Each leaves it when it ends.
CREATE INDEX orders_at_work ON orders (status, created_at, id) WHERE status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED');

-- How many orders have ended, kept by triggers, because they grow for ever.
CREATE TABLE ended_orders (
  status TEXT PRIMARY KEY CHECK (status IN ('DELIVERED', 'CANCELLED')),
  count INTEGER NOT NULL CHECK (count >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO ended_orders (status, count)
  SELECT value, (SELECT count(*) FROM orders WHERE status = value) FROM json_each('["DELIVERED", "CANCELLED"]');

CREATE TRIGGER ended_orders_insert AFTER INSERT ON orders WHEN new.status IN ('DELIVERED', 'CANCELLED') BEGIN
  UPDATE ended_orders SET count = count + 1 WHERE status = new.status;
END;
CREATE TRIGGER ended_orders_update AFTER UPDATE OF status ON orders
  WHEN new.status <> old.status AND (new.status IN ('DELIVERED', 'CANCELLED') OR old.status IN ('DELIVERED', 'CANCELLED')) BEGIN
  UPDATE ended_orders SET count = count + iif(status = new.status, 1, -1) WHERE status IN (old.status, new.status);
END;
