-- What a desk and an ERP ask the lists of products (docs/adr/026-lists-and-feeds.md).

-- What staff knows the product by elsewhere, and notes of theirs as { key: text }. The public sees neither.
ALTER TABLE products ADD COLUMN external_id TEXT;
ALTER TABLE products ADD COLUMN metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata));
CREATE UNIQUE INDEX products_by_external_id ON products (external_id) WHERE external_id IS NOT NULL;

-- The place of the last change among all changes: taken in its commit, above every one before it, and never below updated_at. What
-- inventory tells of stock is no change of the product.
ALTER TABLE products ADD COLUMN change_seq INTEGER;
UPDATE products SET change_seq = placed.seq FROM (
  SELECT id, n + max(updated_at - n) OVER (ORDER BY n) AS seq
  FROM (SELECT id, updated_at, row_number() OVER (ORDER BY updated_at, id) AS n FROM products)
) AS placed WHERE placed.id = products.id;
CREATE UNIQUE INDEX products_by_change ON products (change_seq) WHERE change_seq IS NOT NULL;
CREATE TRIGGER products_inserted AFTER INSERT ON products WHEN new.change_seq IS NULL BEGIN
  UPDATE products SET change_seq = max(new.updated_at,
    coalesce((SELECT max(change_seq) FROM products WHERE change_seq IS NOT NULL), 0) + 1) WHERE id = new.id;
END;
CREATE TRIGGER products_updated AFTER UPDATE OF version ON products WHEN new.change_seq IS old.change_seq BEGIN
  UPDATE products SET change_seq = max(new.updated_at,
    coalesce((SELECT max(change_seq) FROM products WHERE change_seq IS NOT NULL), 0) + 1) WHERE id = new.id;
END;
