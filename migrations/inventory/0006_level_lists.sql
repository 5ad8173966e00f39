-- Lists of levels. `threshold` is the one that counts for the product: its own, or the shop's of today (LOW_STOCK_THRESHOLD), which a
-- sweep writes where it has changed. So a product's status follows from its row alone, and the few products that are low or out of
-- stock have indexes of their own: the others pay nothing for them when their stock moves.
ALTER TABLE stock_levels ADD COLUMN threshold INTEGER NOT NULL DEFAULT 10 CHECK (threshold >= 0);
UPDATE stock_levels SET threshold = low_stock_threshold WHERE low_stock_threshold IS NOT NULL;
CREATE INDEX stock_levels_by_sku ON stock_levels (sku);
CREATE INDEX stock_levels_low ON stock_levels (available, product_id) WHERE available <= threshold;
CREATE INDEX stock_levels_low_by_vendor ON stock_levels (vendor_id, available, product_id)
  WHERE vendor_id IS NOT NULL AND available <= threshold;
-- For the sweep that writes the shop's threshold.
CREATE INDEX stock_levels_by_shop_threshold ON stock_levels (threshold) WHERE low_stock_threshold IS NULL;
