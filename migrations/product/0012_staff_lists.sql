-- Staff's lists of a brand or a category in the order of their pages. The shelves serve the public list.
DROP INDEX products_of_category;
DROP INDEX products_of_brand;
CREATE INDEX products_of_category ON products (category_id, created_at, id);
CREATE INDEX products_of_brand ON products (brand_id, created_at, id);
DROP INDEX products_by_price;
DROP INDEX products_by_name;
DROP INDEX products_by_category;
DROP INDEX products_by_brand;
