-- For the list of payments, newest first: see store/list.ts. The happy path of an order writes the first index alone, once.
CREATE INDEX payments_by_time ON payments (created_at);
-- Statuses that few payments have. The open ones are in payments_to_check, and CAPTURED is most of payments_by_time.
CREATE INDEX payments_by_rare_status ON payments (status, created_at)
  WHERE status IN ('PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED');
-- What somebody has to look at.
CREATE INDEX payments_flagged ON payments (created_at)
  WHERE status = 'DISPUTED' OR flag IS NOT NULL OR (status = 'AUTHORIZED' AND expiry_flagged_at IS NOT NULL);
-- Every open payment is checked again, also one whose intent holds other money: until now that was given up.
UPDATE payments SET next_check_at = updated_at
  WHERE next_check_at IS NULL AND status IN ('CREATED', 'REQUIRES_ACTION', 'FAILED', 'AUTHORIZED');
