-- Products that staff write, and pictures that they upload.

-- The identity of the request that made the product, and what it asked for: one Idempotency-Key makes one product.
ALTER TABLE products ADD COLUMN request_key TEXT;
ALTER TABLE products ADD COLUMN fingerprint TEXT CHECK ((fingerprint IS NULL) = (request_key IS NULL));
CREATE UNIQUE INDEX products_by_request ON products (request_key) WHERE request_key IS NOT NULL;
-- The lists of staff, in every status.
CREATE INDEX products_managed ON products (created_at, id);
CREATE INDEX products_by_vendor ON products (vendor_id, created_at, id);

-- An uploaded picture has all of these, one that the shop draws none.
ALTER TABLE product_images ADD COLUMN id TEXT;
ALTER TABLE product_images ADD COLUMN content_hash TEXT;
ALTER TABLE product_images ADD COLUMN content_type TEXT
  CHECK (content_type IN ('image/png', 'image/jpeg', 'image/webp', 'image/avif'));
ALTER TABLE product_images ADD COLUMN width INTEGER CHECK (width > 0);
ALTER TABLE product_images ADD COLUMN height INTEGER CHECK (height > 0);
ALTER TABLE product_images ADD COLUMN size_bytes INTEGER CHECK (size_bytes > 0);
CREATE UNIQUE INDEX product_images_by_id ON product_images (id) WHERE id IS NOT NULL;
-- The same bytes twice are one picture of a product.
CREATE UNIQUE INDEX product_images_by_content ON product_images (product_id, content_hash) WHERE content_hash IS NOT NULL;

-- Objects in the bucket that no picture may point to: written before an upload puts its object and taken away with the picture's
-- row, written again when a picture is removed. A sweep deletes what stays here. A key is used once.
CREATE TABLE loose_objects (
  key TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loose_objects_by_time ON loose_objects (created_at);
