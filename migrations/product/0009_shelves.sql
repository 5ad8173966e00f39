-- Where an active product stands in the public list, so that a page costs the same in a shop of any size.
-- A shelf is a category, or all (''), together with a brand, or all ('').
CREATE TABLE shelves (
  shelf_id INTEGER PRIMARY KEY,
  category_id TEXT NOT NULL,
  brand_id TEXT NOT NULL,
  -- Active products on the shelf, and those of them whose own category is the shelf's. Triggers of shelf_products count.
  products INTEGER NOT NULL DEFAULT 0 CHECK (products >= 0),
  own_products INTEGER NOT NULL DEFAULT 0 CHECK (own_products BETWEEN 0 AND products),
  UNIQUE (category_id, brand_id)
) STRICT;
CREATE INDEX shelves_by_products ON shelves (category_id, products, brand_id) WHERE brand_id <> '';
CREATE INDEX shelves_by_own_products ON shelves (brand_id, own_products, category_id);
-- The whole shop.
INSERT INTO shelves (shelf_id, category_id, brand_id) VALUES (1, '', '');

-- An active product stands on the shelves of its category, of every category above it and of the whole shop, each once for its brand
-- and once for all brands. The table and its two indexes are the three orders of a list. Nothing here depends on stock.
CREATE TABLE shelf_products (
  shelf_id INTEGER NOT NULL REFERENCES shelves (shelf_id),
  created_at INTEGER NOT NULL,
  id TEXT NOT NULL,
  search_id INTEGER NOT NULL,
  price INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  -- Whether the shelf's category is the product's own.
  own INTEGER NOT NULL CHECK (own IN (0, 1)),
  PRIMARY KEY (shelf_id, created_at, id)
) STRICT, WITHOUT ROWID;

-- All shelves of each product, in any status. '/a/b/' gives the shop, a and b.
CREATE VIEW product_shelves (search_id, category_id, brand_id, own) AS
  SELECT p.search_id, ancestor.value, brand.value, ancestor.value = p.category_id
  FROM products p JOIN categories c ON c.id = p.category_id
    JOIN json_each('["' || replace(rtrim(c.id_path, '/'), '/', '","') || '"]') ancestor
    JOIN json_each(json_array('', p.brand_id)) brand;

INSERT INTO shelves (category_id, brand_id)
  SELECT DISTINCT category_id, brand_id FROM product_shelves WHERE true ON CONFLICT DO NOTHING;
INSERT INTO shelf_products (shelf_id, created_at, id, search_id, price, name, own)
  SELECT s.shelf_id, p.created_at, p.id, p.search_id, p.price, p.name, place.own
  FROM products p JOIN product_shelves place ON place.search_id = p.search_id
    JOIN shelves s ON s.category_id = place.category_id AND s.brand_id = place.brand_id
  WHERE p.status = 'active' ORDER BY s.shelf_id, p.created_at, p.id;
CREATE INDEX shelf_products_by_price ON shelf_products (shelf_id, price, id, search_id);
CREATE INDEX shelf_products_by_name ON shelf_products (shelf_id, name, id, search_id, price);
UPDATE shelves SET (products, own_products) =
  (SELECT count(*), coalesce(sum(own), 0) FROM shelf_products place WHERE place.shelf_id = shelves.shelf_id);

CREATE TRIGGER shelf_products_inserted AFTER INSERT ON shelf_products BEGIN
  UPDATE shelves SET products = products + 1, own_products = own_products + new.own WHERE shelf_id = new.shelf_id;
END;
CREATE TRIGGER shelf_products_deleted AFTER DELETE ON shelf_products BEGIN
  UPDATE shelves SET products = products - 1, own_products = own_products - old.own WHERE shelf_id = old.shelf_id;
END;

CREATE TRIGGER products_shelved AFTER INSERT ON products WHEN new.status = 'active' BEGIN
  INSERT INTO shelves (category_id, brand_id)
    SELECT category_id, brand_id FROM product_shelves WHERE search_id = new.search_id ON CONFLICT DO NOTHING;
  INSERT INTO shelf_products (shelf_id, created_at, id, search_id, price, name, own)
    SELECT s.shelf_id, new.created_at, new.id, new.search_id, new.price, new.name, place.own
    FROM product_shelves place JOIN shelves s ON s.category_id = place.category_id AND s.brand_id = place.brand_id
    WHERE place.search_id = new.search_id;
END;

CREATE TRIGGER products_unshelved AFTER DELETE ON products WHEN old.status = 'active' BEGIN
  DELETE FROM shelf_products WHERE created_at = old.created_at AND id = old.id AND shelf_id IN (
    SELECT s.shelf_id FROM categories c
      JOIN json_each('["' || replace(rtrim(c.id_path, '/'), '/', '","') || '"]') ancestor
      JOIN json_each(json_array('', old.brand_id)) brand
      JOIN shelves s ON s.category_id = ancestor.value AND s.brand_id = brand.value
    WHERE c.id = old.category_id);
END;

CREATE TRIGGER products_moved AFTER UPDATE OF status, category_id, brand_id, created_at ON products
WHEN (old.status = 'active' OR new.status = 'active')
  AND (old.status, old.category_id, old.brand_id, old.created_at) IS NOT (new.status, new.category_id, new.brand_id, new.created_at)
BEGIN
  DELETE FROM shelf_products WHERE created_at = old.created_at AND id = old.id AND shelf_id IN (
    SELECT s.shelf_id FROM categories c
      JOIN json_each('["' || replace(rtrim(c.id_path, '/'), '/', '","') || '"]') ancestor
      JOIN json_each(json_array('', old.brand_id)) brand
      JOIN shelves s ON s.category_id = ancestor.value AND s.brand_id = brand.value
    WHERE c.id = old.category_id);
  INSERT INTO shelves (category_id, brand_id)
    SELECT category_id, brand_id FROM product_shelves WHERE search_id = new.search_id AND new.status = 'active'
    ON CONFLICT DO NOTHING;
  INSERT INTO shelf_products (shelf_id, created_at, id, search_id, price, name, own)
    SELECT s.shelf_id, new.created_at, new.id, new.search_id, new.price, new.name, place.own
    FROM product_shelves place JOIN shelves s ON s.category_id = place.category_id AND s.brand_id = place.brand_id
    WHERE place.search_id = new.search_id AND new.status = 'active';
END;

-- Where the product has moved in the same change, the row already has both values.
CREATE TRIGGER products_relabelled AFTER UPDATE OF price, name ON products
WHEN new.status = 'active' AND (old.price <> new.price OR old.name <> new.name COLLATE BINARY) BEGIN
  UPDATE shelf_products SET price = new.price, name = new.name
  WHERE created_at = new.created_at AND id = new.id AND shelf_id IN (
    SELECT s.shelf_id FROM product_shelves place
      JOIN shelves s ON s.category_id = place.category_id AND s.brand_id = place.brand_id
    WHERE place.search_id = new.search_id);
END;

-- A category that moves takes its products from the shelves of the categories that it leaves to those of the ones it joins.
CREATE TRIGGER categories_shelved AFTER UPDATE OF id_path ON categories WHEN old.id_path <> new.id_path BEGIN
  DELETE FROM shelf_products WHERE (shelf_id, created_at, id) IN (
    SELECT s.shelf_id, p.created_at, p.id FROM products p
      JOIN json_each('["' || replace(rtrim(old.id_path, '/'), '/', '","') || '"]') ancestor
      JOIN json_each(json_array('', p.brand_id)) brand
      JOIN shelves s ON s.category_id = ancestor.value AND s.brand_id = brand.value
    WHERE p.category_id = new.id AND p.status = 'active' AND instr(new.id_path, '/' || ancestor.value || '/') = 0
      AND ancestor.value <> '');
  INSERT INTO shelves (category_id, brand_id)
    SELECT place.category_id, place.brand_id FROM products p JOIN product_shelves place ON place.search_id = p.search_id
    WHERE p.category_id = new.id AND p.status = 'active' ON CONFLICT DO NOTHING;
  INSERT INTO shelf_products (shelf_id, created_at, id, search_id, price, name, own)
    SELECT s.shelf_id, p.created_at, p.id, p.search_id, p.price, p.name, place.own
    FROM products p JOIN product_shelves place ON place.search_id = p.search_id
      JOIN shelves s ON s.category_id = place.category_id AND s.brand_id = place.brand_id
    WHERE p.category_id = new.id AND p.status = 'active' AND place.category_id <> ''
      AND instr(old.id_path, '/' || place.category_id || '/') = 0;
END;

CREATE TRIGGER categories_unshelved AFTER DELETE ON categories BEGIN
  DELETE FROM shelves WHERE category_id = old.id;
END;
CREATE TRIGGER brands_unshelved AFTER DELETE ON brands BEGIN
  DELETE FROM shelves WHERE brand_id = old.id;
END;
