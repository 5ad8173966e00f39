-- Orders with their lines and history, and the index of carts. Written by the orders Worker alone.
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  -- What people read to each other: TP-YYMMDD-XXXXXXXX.
  number TEXT NOT NULL UNIQUE,
  -- NULL for a guest's order.
  customer_id TEXT,
  -- { id, email, name, locale } as order events carry it.
  customer TEXT NOT NULL CHECK (json_valid(customer)),
  status TEXT NOT NULL
    CHECK (status IN ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'DELIVERED', 'CANCELLED')),
  currency TEXT NOT NULL,
  subtotal INTEGER NOT NULL CHECK (subtotal >= 0),
  discount INTEGER NOT NULL CHECK (discount >= 0),
  shipping INTEGER NOT NULL CHECK (shipping >= 0),
  tax INTEGER NOT NULL CHECK (tax >= 0),
  total INTEGER NOT NULL CHECK (total >= 0 AND total = subtotal - discount + shipping + tax),
  shipping_address TEXT NOT NULL CHECK (json_valid(shipping_address)),
  shipping_method TEXT NOT NULL CHECK (shipping_method IN ('standard', 'express', 'freight')),
  payment_status TEXT NOT NULL
    CHECK (payment_status IN ('NONE', 'CREATED', 'REQUIRES_ACTION', 'FAILED', 'AUTHORIZED', 'CAPTURED',
      'PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED')),
  -- The version of the last payment event applied; an event that is not above it is old. 0: none yet.
  payment_version INTEGER NOT NULL DEFAULT 0,
  stock_status TEXT NOT NULL CHECK (stock_status IN ('PENDING', 'RESERVED', 'REJECTED', 'RELEASED', 'CONSUMED')),
  payment_due_at INTEGER NOT NULL,
  -- { carrier, number, url? }, from SHIPPED on.
  tracking TEXT CHECK (tracking IS NULL OR json_valid(tracking)),
  -- Whose holds and reservations in inventory are this order's.
  reservation_owner TEXT NOT NULL,
  -- The identity of the request that made the order: its UNIQUE decides which of several copies does.
  request_key TEXT NOT NULL UNIQUE,
  -- Digest of what that request asked for.
  fingerprint TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  -- SHA-256 of a guest's access token.
  access_token_hash TEXT,
  -- The data of this order's events without status, reason and tracking, so that events can be built in SQL without a read.
  event_data TEXT NOT NULL CHECK (json_valid(event_data)),
  -- Grows by one with every change.
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- Ended orders whose stock or money has not followed yet; see the net under it all in workers/orders/src/scheduled.ts.
  unsettled INTEGER NOT NULL GENERATED ALWAYS AS (
    (status = 'CANCELLED'
      AND (stock_status IN ('PENDING', 'RESERVED') OR payment_status IN ('AUTHORIZED', 'CAPTURED', 'PARTIALLY_REFUNDED')))
    OR (status = 'SHIPPED' AND stock_status <> 'CONSUMED')
  ) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_time ON orders (created_at, id);
CREATE INDEX orders_by_customer ON orders (customer_id, created_at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_pending ON orders (payment_due_at) WHERE status = 'PENDING';
CREATE INDEX orders_unsettled ON orders (updated_at) WHERE unsettled = 1;

CREATE TABLE order_items (
  order_id TEXT NOT NULL REFERENCES orders (id),
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  -- Who sells it; NULL is the shop itself. A vendor moves an order on when all its lines are theirs.
  vendor_id TEXT,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  line_total INTEGER NOT NULL CHECK (line_total = unit_price * quantity),
  PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_history (
  order_id TEXT NOT NULL REFERENCES orders (id),
  -- The order's version that this transition made, so entries sort and none can be written twice.
  version INTEGER NOT NULL,
  -- NULL for the first entry.
  from_status TEXT,
  to_status TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (order_id, version)
) STRICT, WITHOUT ROWID;

-- Which carts exist and the earliest time they can have expired; the carts themselves live in the Cart objects.
CREATE TABLE carts (
  -- The name of the cart's object: the user's id, or guest:<sha-256 of the token>.
  id TEXT PRIMARY KEY,
  -- Who is told when it expires; NULL for a guest.
  customer TEXT CHECK (customer IS NULL OR json_valid(customer)),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX carts_by_expiry ON carts (expires_at);
