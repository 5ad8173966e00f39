-- Products and units on hand by what is available of a product, kept by triggers, so that nobody adds up a row for each product. A
-- product that keeps its availability and its stock on hand writes nothing here, so reservations do not.
CREATE TABLE stock_totals (
  availability TEXT PRIMARY KEY CHECK (availability IN ('in_stock', 'low_stock', 'out_of_stock')),
  products INTEGER NOT NULL CHECK (products >= 0),
  on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
  -- Of all products, in the row of those in stock, as a sweep last added it up: an exact sum would write a row more with each order.
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO stock_totals (availability, products, on_hand) VALUES ('in_stock', 0, 0), ('low_stock', 0, 0), ('out_of_stock', 0, 0);
UPDATE stock_totals SET products = summed.products, on_hand = summed.on_hand FROM (
  SELECT iif(available = 0, 'out_of_stock', iif(available <= threshold, 'low_stock', 'in_stock')) AS reached,
    count(*) AS products, sum(on_hand) AS on_hand FROM stock_levels GROUP BY 1
) AS summed WHERE summed.reached = stock_totals.availability;
UPDATE stock_totals SET reserved = (SELECT coalesce(sum(reserved), 0) FROM stock_levels) WHERE availability = 'in_stock';

CREATE TRIGGER stock_totals_insert AFTER INSERT ON stock_levels BEGIN
  UPDATE stock_totals SET products = products + 1, on_hand = on_hand + new.on_hand
  WHERE availability = iif(new.available = 0, 'out_of_stock', iif(new.available <= new.threshold, 'low_stock', 'in_stock'));
END;
CREATE TRIGGER stock_totals_update AFTER UPDATE OF on_hand, available, threshold ON stock_levels
  WHEN new.on_hand <> old.on_hand OR (new.available = 0) <> (old.available = 0)
    OR (new.available <= new.threshold) <> (old.available <= old.threshold) BEGIN
  UPDATE stock_totals SET products = products - 1, on_hand = on_hand - old.on_hand
  WHERE availability = iif(old.available = 0, 'out_of_stock', iif(old.available <= old.threshold, 'low_stock', 'in_stock'));
  UPDATE stock_totals SET products = products + 1, on_hand = on_hand + new.on_hand
  WHERE availability = iif(new.available = 0, 'out_of_stock', iif(new.available <= new.threshold, 'low_stock', 'in_stock'));
END;
CREATE TRIGGER stock_totals_delete AFTER DELETE ON stock_levels BEGIN
  UPDATE stock_totals SET products = products - 1, on_hand = on_hand - old.on_hand
  WHERE availability = iif(old.available = 0, 'out_of_stock', iif(old.available <= old.threshold, 'low_stock', 'in_stock'));
END;

-- Staff's entries by type. Most of the ledger are sales, which cost nothing here.
CREATE INDEX ledger_adjustments ON ledger (type, created_at, id) WHERE type <> 'sale';
