-- One index of pending orders instead of two, which a change of the payment's status does not write: it serves the caps, the sweeps and the
-- counts of orders that wait.
DROP INDEX orders_open_by_buyer;
DROP INDEX orders_pending;
ALTER TABLE orders DROP COLUMN buyer;
-- Of a pending order, the account, or a guest's e-mail address.
ALTER TABLE orders ADD COLUMN buyer TEXT GENERATED ALWAYS AS (
  iif(status = 'PENDING', coalesce(customer_id, 'guest:' || (customer ->> '$.email')), NULL)
) VIRTUAL;
CREATE INDEX orders_pending ON orders (buyer, network) WHERE buyer IS NOT NULL;
