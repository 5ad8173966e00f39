-- Caps on what may be ordered without paying (docs/adr/020-abuse-caps.md): whose open unpaid orders count for whom.

-- Waits for money that nobody has authorized.
ALTER TABLE orders ADD COLUMN open_unpaid INTEGER NOT NULL GENERATED ALWAYS AS (
  status = 'PENDING' AND payment_status IN ('NONE', 'CREATED', 'REQUIRES_ACTION', 'FAILED')
) VIRTUAL;
-- The account, or a guest's e-mail address.
ALTER TABLE orders ADD COLUMN buyer TEXT NOT NULL GENERATED ALWAYS AS (
  coalesce(customer_id, 'guest:' || (customer ->> '$.email'))
) VIRTUAL;
-- Digest of the client network that a guest or an unproven account ordered from. It goes as soon as nothing is counted by it.
ALTER TABLE orders ADD COLUMN network TEXT
  CHECK (network IS NULL
    OR (status = 'PENDING' AND payment_status IN ('NONE', 'CREATED', 'REQUIRES_ACTION', 'FAILED')));
CREATE INDEX orders_open_by_buyer ON orders (buyer, network) WHERE open_unpaid = 1;
CREATE INDEX orders_open_by_network ON orders (network, total) WHERE network IS NOT NULL;

-- When payments was last asked in vain to let the order end; 0: never. Those that were not asked yet come first.
ALTER TABLE orders ADD COLUMN end_tried_at INTEGER NOT NULL DEFAULT 0;

-- Holds given back because their order was over a cap. No order may live on one, so that a copy of the request that came to share
-- the hold makes one of its own. Kept for as long as such a copy can be on its way.
CREATE TABLE returned_holds (
  owner TEXT PRIMARY KEY,
  returned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
