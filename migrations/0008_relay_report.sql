-- What a relay knows to be wrong lives in its process; here any other relay, and outboxctl, can tell it. Not beside the heartbeat: a
-- relay that may not publish sends none, and is the one that has something to tell.
CREATE TABLE relay_report (
  relay       text PRIMARY KEY,
  findings    jsonb NOT NULL,
  reported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE relay_report IS 'What relays have found to be wrong, told anew every few seconds; a relay with nothing to tell has no row.';
