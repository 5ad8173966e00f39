-- Categories and brands that admins write, and pictures that change their place.

-- Deleting a category or a brand asks for its products in any status, and so do renames, for the full-text index.
CREATE INDEX products_of_category ON products (category_id);
CREATE INDEX products_of_brand ON products (brand_id);
CREATE INDEX categories_by_parent ON categories (parent_id);

-- The number by which a drawn picture goes in its URL and its id. NULL: its position; it is written down when pictures move.
ALTER TABLE product_images ADD COLUMN drawing INTEGER CHECK (drawing > 0);
