-- Drawn while the order's row lock is held, so that it follows commit order per order. A cache above 1 would hand each connection a
-- block of its own and break that.
CREATE SEQUENCE outbox_seq CACHE 1;

CREATE TABLE outbox (
  seq        bigint NOT NULL DEFAULT nextval('outbox_seq'),
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  key        text NOT NULL,
  key_hash   int NOT NULL CHECK (key_hash >= 0),
  event_id   uuid NOT NULL,
  event_type text NOT NULL,
  headers    jsonb NOT NULL DEFAULT '{}',
  payload    text NOT NULL CHECK (octet_length(payload) <= 900000),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (created_at);

COMMENT ON TABLE outbox IS 'Events of committed transactions. Never UPDATEd: readers look at a row once, by the transaction that inserted it, and would miss the change. Never DELETEd: dead rows would slow every poll, so whole partitions are dropped instead.';
COMMENT ON COLUMN outbox.xid IS 'Transaction that wrote the row; with a snapshot it tells whether the row is already published.';
COMMENT ON COLUMN outbox.key_hash IS 'murmur2 of the key as Kafka''s Java client computes it, without the sign bit; modulo the partition count it is the partition.';
COMMENT ON COLUMN outbox.payload IS 'JSON, byte for byte as the topic carries it; bounded so that Kafka never refuses it.';

CREATE INDEX outbox_by_xid ON outbox (xid);
CREATE INDEX outbox_by_seq ON outbox (seq);

-- Only inserts happen: vacuum has nothing to clean, it only has to freeze, and the planner's statistics matter little, because the
-- relay's query has a fixed shape.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT
  WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
