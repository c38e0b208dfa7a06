-- An operator pauses a partition, or drains all of them to change their number; a partition that is not running has no owner once
-- nothing of it is under way.
ALTER TABLE relay_partition DROP COLUMN paused;
ALTER TABLE relay_partition ADD COLUMN mode text NOT NULL DEFAULT 'running' CHECK (mode IN ('running', 'draining', 'paused'));
COMMENT ON COLUMN relay_partition.mode IS 'running · draining: the window being worked off in pages is finished and no new one begun · paused: nothing is published.';

-- What the cursors are about. Against another database server or another number of partitions they mean nothing.
CREATE TABLE relay_identity (
  singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  system_identifier text NOT NULL,
  topic             text NOT NULL,
  topic_id          text NOT NULL,
  partition_count   int NOT NULL CHECK (partition_count > 0),
  updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE relay_identity IS 'One row: the database server and the topic that the cursors of relay_partition belong to.';
COMMENT ON COLUMN relay_identity.topic_id IS 'Kafka''s id of the topic; another one under the same name is a topic that was deleted and created again.';

CREATE TABLE parked_event (
  event_id     uuid PRIMARY KEY,
  seq          bigint NOT NULL,
  partition    int NOT NULL CHECK (partition >= 0),
  key          text NOT NULL,
  event_type   text NOT NULL,
  headers      jsonb NOT NULL,
  payload      text NOT NULL,
  created_at   timestamptz NOT NULL,
  cause        text NOT NULL,
  parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  requeued_at  timestamptz
);
CREATE INDEX parked_event_by_key ON parked_event (partition, key, seq);
COMMENT ON TABLE parked_event IS 'Events that Kafka refused for good, and the later events of their keys, which wait behind them. A copy: the outbox rows may be dropped.';
COMMENT ON COLUMN parked_event.cause IS 'What Kafka said; for a later event of the key, which event it waits for.';
COMMENT ON COLUMN parked_event.requeued_at IS 'When an operator asked to publish the events of the key again; cleared when Kafka refuses one of them again.';

CREATE TABLE replay_request (
  replay_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  since        timestamptz,
  key          text,
  from_seq     bigint,
  -- Events that were inserted later are published anyway.
  to_seq       bigint NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (num_nonnulls(since, key, from_seq) = 1)
);
COMMENT ON TABLE replay_request IS 'An operator''s wish to publish events again that are in the topic already. The owners of the partitions carry it out, since only they may write.';

CREATE TABLE replay_partition (
  replay_id        uuid NOT NULL REFERENCES replay_request ON DELETE CASCADE,
  partition        int NOT NULL CHECK (partition >= 0),
  after_seq        bigint NOT NULL DEFAULT 0,
  published_events bigint NOT NULL DEFAULT 0,
  finished_at      timestamptz,
  PRIMARY KEY (replay_id, partition)
);
CREATE INDEX replay_partition_unfinished ON replay_partition (partition) WHERE finished_at IS NULL;
COMMENT ON COLUMN replay_partition.after_seq IS 'Of the events asked for, those up to this seq are in the topic again.';
