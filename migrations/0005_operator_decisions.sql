-- What an operator gave up on purpose must not look like a loss to an audit, nor be published when cursors are made anew.
CREATE TABLE discarded_event (
  event_id     uuid PRIMARY KEY,
  seq          bigint NOT NULL,
  key          text NOT NULL,
  event_type   text NOT NULL,
  cause        text NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE discarded_event IS 'Parked events that an operator gave up: they are not in the topic, and never will be.';
COMMENT ON COLUMN discarded_event.cause IS 'Why the event had been parked.';

ALTER TABLE replay_request ADD COLUMN cancelled_at timestamptz;
COMMENT ON COLUMN replay_request.cancelled_at IS 'When an operator called it off; its partitions count as finished from then on.';
