-- Without it the orders of a large customer in a rare status are found by walking all that the customer has.
-- The migrate job builds it ahead of this, without locking anybody out, where there are orders already.
CREATE INDEX IF NOT EXISTS orders_by_customer_and_status ON orders (customer_id, status, created_at, id);
