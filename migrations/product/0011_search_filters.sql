-- The full-text index serves the filters of a search too: `filters` has a word for each category from the department down, the brand,
-- the vendor and the status (filterWord in workers/catalog/src/domain/search.ts). Prefixes of up to three letters have an index, because
-- they match the most words.
DROP TRIGGER products_search_insert;
DROP TRIGGER products_search_delete;
DROP TRIGGER products_search_update;
DROP TRIGGER brands_search_update;
DROP TRIGGER categories_search_update;
DROP TABLE product_search;

CREATE VIRTUAL TABLE product_search USING fts5 (
  name, sku, description, brand, category, filters,
  content = '', contentless_delete = 1, prefix = '1 2 3',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

-- What the index has of each product.
CREATE VIEW product_texts (search_id, name, sku, description, brand, category, filters, brand_id, category_id) AS
  SELECT p.search_id, p.name, p.sku, p.description, b.name, c.path,
    replace(replace(trim(c.id_path, '/') || '/' || p.brand_id || '/' || coalesce(p.vendor_id || '/', '') || 'status' || p.status, '_', ''), '/', '9 ') || '9',
    p.brand_id, p.category_id
  FROM products p JOIN brands b ON b.id = p.brand_id JOIN categories c ON c.id = p.category_id;

INSERT INTO product_search (rowid, name, sku, description, brand, category, filters)
  SELECT search_id, name, sku, description, brand, category, filters FROM product_texts ORDER BY search_id;

CREATE TRIGGER products_search_insert AFTER INSERT ON products BEGIN
  INSERT INTO product_search (rowid, name, sku, description, brand, category, filters)
    SELECT search_id, name, sku, description, brand, category, filters FROM product_texts WHERE search_id = new.search_id;
END;

CREATE TRIGGER products_search_delete AFTER DELETE ON products BEGIN
  DELETE FROM product_search WHERE rowid = old.search_id;
END;

CREATE TRIGGER products_search_update
AFTER UPDATE OF name, sku, description, brand_id, category_id, vendor_id, status ON products
WHEN (old.name, old.description, old.brand_id, old.category_id, old.vendor_id, old.status)
    IS NOT (new.name, new.description, new.brand_id, new.category_id, new.vendor_id, new.status)
  OR old.sku <> new.sku COLLATE BINARY OR old.name <> new.name COLLATE BINARY
BEGIN
  DELETE FROM product_search WHERE rowid = old.search_id;
  INSERT INTO product_search (rowid, name, sku, description, brand, category, filters)
    SELECT search_id, name, sku, description, brand, category, filters FROM product_texts WHERE search_id = new.search_id;
END;

CREATE TRIGGER brands_search_update AFTER UPDATE OF name ON brands BEGIN
  DELETE FROM product_search WHERE rowid IN (SELECT search_id FROM products WHERE brand_id = new.id);
  INSERT INTO product_search (rowid, name, sku, description, brand, category, filters)
    SELECT search_id, name, sku, description, brand, category, filters FROM product_texts WHERE brand_id = new.id;
END;

CREATE TRIGGER categories_search_update AFTER UPDATE OF path, id_path ON categories BEGIN
  DELETE FROM product_search WHERE rowid IN (SELECT search_id FROM products WHERE category_id = new.id);
  INSERT INTO product_search (rowid, name, sku, description, brand, category, filters)
    SELECT search_id, name, sku, description, brand, category, filters FROM product_texts WHERE category_id = new.id;
END;
