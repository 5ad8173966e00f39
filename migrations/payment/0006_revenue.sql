-- What came in, for operators: captured payments by time with all that is summed up. A payment enters it when it is captured, so
-- placing and paying an order writes nothing here.
CREATE INDEX payments_captured ON payments (created_at, currency, amount_captured, amount_refunded) WHERE amount_captured > 0;
