-- Figures that triggers keep, so that nobody adds up a table that grows. A payment enters them when it is captured or over; while it is
-- open it is in payments_to_check, so placing and paying an order writes nothing here.

CREATE TABLE payment_counts (
  status TEXT PRIMARY KEY CHECK (status IN ('CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED')),
  count INTEGER NOT NULL CHECK (count >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO payment_counts (status, count)
  SELECT value, (SELECT count(*) FROM payments WHERE status = value)
  FROM json_each('["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED", "DISPUTED"]');

CREATE TRIGGER payments_counted_insert AFTER INSERT ON payments
  WHEN new.status IN ('CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED') BEGIN
  UPDATE payment_counts SET count = count + 1 WHERE status = new.status;
END;
CREATE TRIGGER payments_counted_update AFTER UPDATE OF status ON payments WHEN new.status <> old.status BEGIN
  UPDATE payment_counts SET count = count + iif(status = new.status, 1, -1) WHERE status IN (old.status, new.status);
END;

-- Captured and refunded of the payments begun on a day in UTC: `day` is its number since the epoch. Amounts are minor units.
CREATE TABLE revenue_days (
  day INTEGER NOT NULL,
  currency TEXT NOT NULL,
  captured INTEGER NOT NULL,
  refunded INTEGER NOT NULL,
  PRIMARY KEY (day, currency)
) STRICT, WITHOUT ROWID;
INSERT INTO revenue_days (day, currency, captured, refunded)
  SELECT created_at / 86400000, currency, sum(amount_captured), sum(amount_refunded) FROM payments
  WHERE amount_captured > 0 GROUP BY 1, 2;

CREATE TRIGGER payments_revenue_insert AFTER INSERT ON payments WHEN new.amount_captured > 0 BEGIN
  INSERT INTO revenue_days (day, currency, captured, refunded)
  VALUES (new.created_at / 86400000, new.currency, new.amount_captured, new.amount_refunded)
  ON CONFLICT (day, currency) DO UPDATE SET captured = captured + excluded.captured, refunded = refunded + excluded.refunded;
END;
CREATE TRIGGER payments_revenue_update AFTER UPDATE OF amount_captured, amount_refunded ON payments
  WHEN new.amount_captured <> old.amount_captured OR new.amount_refunded <> old.amount_refunded BEGIN
  INSERT INTO revenue_days (day, currency, captured, refunded)
  VALUES (new.created_at / 86400000, new.currency, new.amount_captured - old.amount_captured, new.amount_refunded - old.amount_refunded)
  ON CONFLICT (day, currency) DO UPDATE SET captured = captured + excluded.captured, refunded = refunded + excluded.refunded;
END;
DROP INDEX payments_captured;
