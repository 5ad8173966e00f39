-- Stock as the world reads it. The truth is in the Stock objects, one per product; they write these tables, at most a second
-- late, and open from them once, when they are first called.

-- One row per product. `sequence` is the object's own and only grows; 0 means that no object has written the row yet.
CREATE TABLE stock_levels (
  product_id TEXT PRIMARY KEY,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  vendor_id TEXT,
  -- The version of PRODUCT_UPSERTED that sku, name and vendor_id come from.
  product_version INTEGER NOT NULL DEFAULT 0,
  -- On hand before the first ledger entry: on_hand = opening + the sum of the ledger's deltas.
  opening INTEGER NOT NULL DEFAULT 0 CHECK (opening >= 0),
  on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
  -- Quantities of the reservations that are held (and not expired) or reserved.
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  available INTEGER NOT NULL CHECK (available >= 0),
  -- NULL is the shop's default, the variable LOW_STOCK_THRESHOLD.
  low_stock_threshold INTEGER CHECK (low_stock_threshold >= 0),
  -- As it was last told to the catalog.
  availability TEXT NOT NULL CHECK (availability IN ('in_stock', 'low_stock', 'out_of_stock')),
  sequence INTEGER NOT NULL DEFAULT 0,
  updated_at INTEGER NOT NULL,
  CHECK (available = on_hand - reserved)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_levels_by_vendor ON stock_levels (vendor_id) WHERE vendor_id IS NOT NULL;

-- What an owner holds, reserved, took or gave back of a product. The key begins with the product because an object opens by it.
CREATE TABLE reservations (
  product_id TEXT NOT NULL,
  -- The key of the request that made an order, or `manual:<id>`.
  owner TEXT NOT NULL,
  -- NULL while the order is not known, and for a manual reservation.
  order_id TEXT,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  state TEXT NOT NULL CHECK (state IN ('held', 'expired', 'reserved', 'consumed', 'released')),
  -- Set while held: only a hold expires.
  expires_at INTEGER,
  updated_at INTEGER NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (product_id, owner),
  CHECK (state <> 'held' OR expires_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

-- Every change of on_hand, once. The key is the order in which the list is read; `id` and `created_at` are made together in
-- the object, so a repeated flush meets its own rows.
CREATE TABLE ledger (
  id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('opening', 'sale', 'restock', 'correction', 'damaged', 'return')),
  delta INTEGER NOT NULL CHECK (delta <> 0),
  on_hand_after INTEGER NOT NULL CHECK (on_hand_after >= 0),
  -- The order of a sale.
  reference TEXT,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (created_at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_by_product ON ledger (product_id, created_at, id);

-- Reservations made by the API, outside orders: written with their lines before they hold, so that a crash leaves no hold
-- that nobody knows of.
CREATE TABLE manual_reservations (
  owner TEXT PRIMARY KEY,
  -- Counts the times that this id was released and reserved again; a released owner of a Stock object stays closed.
  generation INTEGER NOT NULL DEFAULT 1,
  -- [{ productId, quantity }], one per product, in the order of the product's id.
  items TEXT NOT NULL CHECK (json_valid(items)),
  state TEXT NOT NULL CHECK (state IN ('pending', 'held', 'failed', 'released')),
  expires_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX manual_reservations_open ON manual_reservations (expires_at) WHERE state IN ('pending', 'held');

-- Which adjustment an Idempotency-Key of a user stands for, across products. Whether it was done is the product's object's
-- to know.
CREATE TABLE adjustment_keys (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  product_id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
