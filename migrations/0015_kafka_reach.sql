-- A relay that is cut off from Kafka, and not from here, renews its leases for ever: so each tells the others whether it reaches Kafka.
ALTER TABLE relay_instance ADD COLUMN kafka_reach text;
COMMENT ON COLUMN relay_instance.kafka_reach IS 'Whether the relay reaches Kafka: steady, unsteady, or gave way: it has given its partitions to those that do. Null: it does not tell, as those of the version before.';
