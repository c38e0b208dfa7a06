CREATE TABLE relay_partition (
  partition   int PRIMARY KEY CHECK (partition >= 0),
  owner       text,
  epoch       bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  paused      boolean NOT NULL DEFAULT false,
  cursor      pg_snapshot NOT NULL,
  page_target pg_snapshot,
  page_seq    bigint,
  page_end    bigint,
  log_offset  bigint NOT NULL DEFAULT 0,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((owner IS NULL) = (lease_until IS NULL)),
  CHECK (num_nulls(page_target, page_seq, page_end) IN (0, 3))
)
-- Updated once a second: room for the new version on the same page, so that no index entry is written.
WITH (fillfactor = 50);

COMMENT ON TABLE relay_partition IS 'One row per partition of the topic: who publishes it, and how far it is published.';
COMMENT ON COLUMN relay_partition.epoch IS 'Grows with each owner; a renewal with another epoch is refused.';
COMMENT ON COLUMN relay_partition.cursor IS 'Every event whose transaction this snapshot sees is in the topic.';
COMMENT ON COLUMN relay_partition.page_target IS 'Snapshot that ends the window being worked off in pages; null between windows.';
COMMENT ON COLUMN relay_partition.page_seq IS 'Of the window''s events, those up to this seq are in the topic.';
COMMENT ON COLUMN relay_partition.page_end IS 'Highest seq of the window.';
COMMENT ON COLUMN relay_partition.log_offset IS 'Whatever the partition holds beyond the cursor lies at this offset or after it.';

CREATE TABLE relay_instance (
  id           text PRIMARY KEY,
  heartbeat_at timestamptz NOT NULL
);
COMMENT ON TABLE relay_instance IS 'Relays that are alive, to share the partitions among them.';
