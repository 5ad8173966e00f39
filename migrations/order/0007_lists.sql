-- What a desk and an ERP ask the list of orders (docs/adr/026-lists-and-feeds.md).

-- What staff knows the order by elsewhere, and notes of theirs as { key: text }. Buyers see neither.
ALTER TABLE orders ADD COLUMN external_id TEXT;
ALTER TABLE orders ADD COLUMN metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata));
CREATE UNIQUE INDEX orders_by_external_id ON orders (external_id) WHERE external_id IS NOT NULL;

-- Searched by their beginnings: the e-mail address and the addressee.
ALTER TABLE orders ADD COLUMN email TEXT NOT NULL GENERATED ALWAYS AS (customer ->> '$.email') VIRTUAL;
ALTER TABLE orders ADD COLUMN addressee TEXT NOT NULL GENERATED ALWAYS AS (lower(shipping_address ->> '$.name')) VIRTUAL;
CREATE INDEX orders_by_email ON orders (email, created_at, id);
CREATE INDEX orders_by_addressee ON orders (addressee);

-- The list's own order, with what it is most often narrowed by, so that a page is chosen within the index.
DROP INDEX orders_by_time;
CREATE INDEX orders_by_time ON orders (created_at, id, status, payment_status);

-- The place of the last change among all changes: taken in its commit, above every one before it, and never below updated_at. Of
-- two changes the later commit has the greater one, whatever their clocks said. The statements that every order goes through take it
-- themselves, which saves the row that a trigger writes; the triggers see to all others, those of the version before too.
ALTER TABLE orders ADD COLUMN change_seq INTEGER;
UPDATE orders SET change_seq = placed.seq FROM (
  SELECT id, n + max(updated_at - n) OVER (ORDER BY n) AS seq
  FROM (SELECT id, updated_at, row_number() OVER (ORDER BY updated_at, id) AS n FROM orders)
) AS placed WHERE placed.id = orders.id;
CREATE UNIQUE INDEX orders_by_change ON orders (change_seq) WHERE change_seq IS NOT NULL;
CREATE TRIGGER orders_inserted AFTER INSERT ON orders WHEN new.change_seq IS NULL BEGIN
  UPDATE orders SET change_seq = max(new.updated_at,
    coalesce((SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL), 0) + 1) WHERE id = new.id;
END;
CREATE TRIGGER orders_updated AFTER UPDATE OF version ON orders WHEN new.change_seq IS old.change_seq BEGIN
  UPDATE orders SET change_seq = max(new.updated_at,
    coalesce((SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL), 0) + 1) WHERE id = new.id;
END;
