-- What each process may do in Postgres, and no more. The roles, and the schema `public`, are examples.
--
-- The migrate job logs in as the owner of all tables:
--   CREATE ROLE orders_owner LOGIN PASSWORD '…';
--   GRANT USAGE, CREATE ON SCHEMA public TO orders_owner;
-- The others get their rights below, as the owner or as an administrator; run it again after each upgrade, it is harmless:
--   CREATE ROLE orders_api LOGIN PASSWORD '…';        -- and so on

GRANT USAGE ON SCHEMA public TO orders_api, orders_relay, orders_operator, orders_reader;
GRANT SELECT ON order_events_migration TO orders_api, orders_relay, orders_operator, orders_reader;

-- The API.
GRANT SELECT, INSERT, UPDATE ON orders TO orders_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO orders_api;
GRANT INSERT ON outbox TO orders_api;
GRANT USAGE ON SEQUENCE outbox_seq TO orders_api;
-- Which orders have changed: they act as the owner, and tell ids and no event.
GRANT EXECUTE ON FUNCTION outbox_run, outbox_changes TO orders_api;

-- The relay. The functions are for its janitor, which makes the outbox's partitions and drops old ones: they act as the owner and do
-- nothing else. Without them everything is published, and the outbox grows for ever (`janitor-refused` says so).
GRANT SELECT ON outbox, outbox_seq TO orders_relay;
GRANT SELECT, INSERT, UPDATE ON relay_partition, relay_identity TO orders_relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON relay_instance, relay_report, parked_event TO orders_relay;
GRANT SELECT ON discarded_event, replay_request TO orders_relay;
GRANT SELECT, UPDATE ON replay_partition TO orders_relay;
GRANT EXECUTE ON FUNCTION outbox_page, relay_server_run, outbox_dropped_since TO orders_relay;
GRANT EXECUTE ON FUNCTION outbox_create_day_table, outbox_drop_day_table, outbox_empty_default TO orders_relay;
-- Only with RELAY_CANARY_INTERVAL_MS:
-- GRANT INSERT ON outbox TO orders_relay;
-- GRANT USAGE ON SEQUENCE outbox_seq TO orders_relay;

-- Whoever runs all of outboxctl.
GRANT SELECT, UPDATE ON outbox, outbox_seq TO orders_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON relay_partition TO orders_operator;
GRANT SELECT, INSERT, UPDATE ON relay_identity, replay_request, replay_partition TO orders_operator;
GRANT SELECT ON relay_instance, relay_report TO orders_operator;
GRANT SELECT, UPDATE, DELETE ON parked_event TO orders_operator;
GRANT SELECT, INSERT ON discarded_event TO orders_operator;

-- Whoever only looks: outboxctl status, verify, parked list and show, replay status, and what --dry-run does.
GRANT SELECT ON outbox, outbox_seq, relay_partition, relay_identity, relay_instance, relay_report, parked_event, discarded_event,
  replay_request, replay_partition TO orders_reader;
