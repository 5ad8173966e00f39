-- { carrier, number, url? } where this entry set or changed the order's tracking, which staff may do again after SHIPPED: such an entry
-- leads from a status to the same one.
ALTER TABLE order_history ADD COLUMN tracking TEXT CHECK (tracking IS NULL OR json_valid(tracking));
