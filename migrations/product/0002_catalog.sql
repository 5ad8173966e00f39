-- What the shop sells. Times are milliseconds since the epoch, money is minor units.

-- A tree. `path` is the names from the department down, joined by " / "; `id_path` the ids in the same order, as `/a/b/`,
-- so that a subtree is one range of `id_path`. Whoever writes a category keeps both for the categories below it.
CREATE TABLE categories (
  id TEXT PRIMARY KEY,
  parent_id TEXT REFERENCES categories (id),
  slug TEXT NOT NULL UNIQUE CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
  name TEXT NOT NULL CHECK (name <> ''),
  path TEXT NOT NULL,
  id_path TEXT NOT NULL UNIQUE CHECK (id_path LIKE '/%' || id || '/'),
  -- Order among siblings.
  position INTEGER NOT NULL,
  CHECK ((parent_id IS NULL) = (id_path = '/' || id || '/'))
) STRICT, WITHOUT ROWID;

CREATE TABLE brands (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
  name TEXT NOT NULL CHECK (name <> '')
) STRICT, WITHOUT ROWID;

-- `search_id` ties a product to its row of the full-text index, which knows rows by number only; a declared key survives
-- VACUUM, an implicit rowid does not. Slugs hold no underscore, so a slug can never be taken for an id.
CREATE TABLE products (
  search_id INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
  sku TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (sku <> ''),
  -- 160 characters at most, so that a cursor that carries a name stays within its 1,000.
  name TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 160),
  description TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price BETWEEN 0 AND 99999999),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  brand_id TEXT NOT NULL REFERENCES brands (id),
  category_id TEXT NOT NULL REFERENCES categories (id),
  vendor_id TEXT,
  weight_grams INTEGER NOT NULL CHECK (weight_grams >= 0),
  min_order_quantity INTEGER NOT NULL DEFAULT 1 CHECK (min_order_quantity BETWEEN 1 AND 9999),
  status TEXT NOT NULL CHECK (status IN ('active', 'draft', 'archived')),
  version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
  -- What inventory last told. `availability_sequence` is the stock object's own number: an older event changes nothing.
  availability TEXT NOT NULL DEFAULT 'out_of_stock' CHECK (availability IN ('in_stock', 'low_stock', 'out_of_stock')),
  available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
  availability_sequence INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
-- One per order of the public list; all end in the id, as its cursors do.
CREATE INDEX products_by_created ON products (created_at, id) WHERE status = 'active';
CREATE INDEX products_by_price ON products (price, id) WHERE status = 'active';
CREATE INDEX products_by_name ON products (name, id) WHERE status = 'active';
CREATE INDEX products_by_category ON products (category_id) WHERE status = 'active';
-- Holds all that the facets of an unsearched list count.
CREATE INDEX products_by_brand ON products (brand_id, category_id, price) WHERE status = 'active';

CREATE TABLE product_images (
  product_id TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  -- From 1; the lowest is the one that lists show.
  position INTEGER NOT NULL CHECK (position > 0),
  url TEXT NOT NULL,
  alt TEXT NOT NULL,
  PRIMARY KEY (product_id, position)
) STRICT, WITHOUT ROWID;

-- The full-text index keeps no text of its own: what is shown comes from the tables, the index only finds.
CREATE VIRTUAL TABLE product_search USING fts5 (
  name, sku, description, brand, category,
  content = '', contentless_delete = 1,
  tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER products_search_insert AFTER INSERT ON products BEGIN
  INSERT INTO product_search (rowid, name, sku, description, brand, category)
  SELECT new.search_id, new.name, new.sku, new.description, b.name, c.path
  FROM brands b, categories c WHERE b.id = new.brand_id AND c.id = new.category_id;
END;

CREATE TRIGGER products_search_delete AFTER DELETE ON products BEGIN
  DELETE FROM product_search WHERE rowid = old.search_id;
END;

CREATE TRIGGER products_search_update AFTER UPDATE OF name, sku, description, brand_id, category_id ON products BEGIN
  DELETE FROM product_search WHERE rowid = old.search_id;
  INSERT INTO product_search (rowid, name, sku, description, brand, category)
  SELECT new.search_id, new.name, new.sku, new.description, b.name, c.path
  FROM brands b, categories c WHERE b.id = new.brand_id AND c.id = new.category_id;
END;

CREATE TRIGGER brands_search_update AFTER UPDATE OF name ON brands BEGIN
  DELETE FROM product_search WHERE rowid IN (SELECT search_id FROM products WHERE brand_id = new.id);
  INSERT INTO product_search (rowid, name, sku, description, brand, category)
  SELECT p.search_id, p.name, p.sku, p.description, new.name, c.path
  FROM products p JOIN categories c ON c.id = p.category_id WHERE p.brand_id = new.id;
END;

CREATE TRIGGER categories_search_update AFTER UPDATE OF path ON categories BEGIN
  DELETE FROM product_search WHERE rowid IN (SELECT search_id FROM products WHERE category_id = new.id);
  INSERT INTO product_search (rowid, name, sku, description, brand, category)
  SELECT p.search_id, p.name, p.sku, p.description, b.name, new.path
  FROM products p JOIN brands b ON b.id = p.brand_id WHERE p.category_id = new.id;
END;
