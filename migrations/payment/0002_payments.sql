-- Payments, refunds, captures and Stripe's events. Times are milliseconds since the epoch, amounts minor units.
CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  order_number TEXT NOT NULL,
  customer TEXT NOT NULL CHECK (json_valid(customer)),
  amount INTEGER NOT NULL CHECK (amount > 0),
  amount_capturable INTEGER NOT NULL DEFAULT 0 CHECK (amount_capturable >= 0 AND amount_capturable <= amount),
  amount_captured INTEGER NOT NULL DEFAULT 0 CHECK (amount_captured >= 0 AND amount_captured <= amount),
  amount_refunded INTEGER NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0 AND amount_refunded <= amount_captured),
  currency TEXT NOT NULL CHECK (length(currency) = 3 AND currency = upper(currency)),
  status TEXT NOT NULL CHECK (status IN ('CREATED', 'REQUIRES_ACTION', 'FAILED', 'AUTHORIZED', 'CAPTURED',
    'PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED')),
  -- A decline code, a refund's or a dispute's reason: what PAYMENT_ events tell.
  reason TEXT,
  -- Set when Stripe's intent and this row disagree about the money; such a payment is never confirmed.
  flag TEXT CHECK (flag IN ('amount_mismatch')),
  version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
  -- Null until Stripe has answered.
  stripe_payment_intent_id TEXT,
  client_secret TEXT,
  -- Grows when Stripe answered the creation with a 5xx: Stripe replays that answer under its idempotency key for a day.
  create_generation INTEGER NOT NULL DEFAULT 0,
  idempotency_key TEXT,
  fingerprint TEXT,
  correlation_id TEXT NOT NULL,
  -- How often Stripe was asked about it, and when it is asked again; null when nothing is open.
  attempts INTEGER NOT NULL DEFAULT 0,
  next_check_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL)),
  CHECK ((stripe_payment_intent_id IS NULL) = (client_secret IS NULL))
) STRICT, WITHOUT ROWID;
-- One payment per order, until it is void; and, by its prefix, all payments of an order.
CREATE UNIQUE INDEX payments_one_per_order ON payments (order_id, iif(status = 'VOIDED', id, ''));
CREATE UNIQUE INDEX payments_by_intent ON payments (stripe_payment_intent_id) WHERE stripe_payment_intent_id IS NOT NULL;
CREATE UNIQUE INDEX payments_by_key ON payments (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX payments_to_check ON payments (next_check_at) WHERE next_check_at IS NOT NULL;

-- One row per change of status or amounts; `version` is the payment's after the change.
CREATE TABLE payment_history (
  payment_id TEXT NOT NULL REFERENCES payments (id),
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (payment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE refunds (
  id TEXT PRIMARY KEY,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
  reason TEXT,
  -- Null until Stripe has answered.
  stripe_refund_id TEXT UNIQUE,
  actor TEXT NOT NULL,
  idempotency_key TEXT,
  fingerprint TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- When a pending refund is taken to Stripe again; null once it is settled.
  next_attempt_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (actor, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_payment ON refunds (payment_id);
CREATE INDEX refunds_to_attempt ON refunds (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- What was asked to be captured under an Idempotency-Key. `captured_at` is null while Stripe's answer is not known.
CREATE TABLE captures (
  actor TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  created_at INTEGER NOT NULL,
  captured_at INTEGER,
  PRIMARY KEY (actor, idempotency_key)
) STRICT, WITHOUT ROWID;

-- Verified webhooks, once each.
CREATE TABLE stripe_events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  received_at INTEGER NOT NULL,
  processed_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- When a sweep takes it up; null once it is processed.
  next_attempt_at INTEGER,
  error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_events_to_process ON stripe_events (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Orders that must never be paid again, remembered even before a payment exists.
CREATE TABLE closed_orders (
  order_id TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  closed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
