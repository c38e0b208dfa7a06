-- Kafka acknowledges before its disks have what it acknowledged: a log can come back shorter than it was. So a checkpoint tells which
-- event the log has behind it, and a few older checkpoints are kept, to go on from the newest one that the log still has.
ALTER TABLE relay_partition ADD COLUMN log_mark jsonb, ADD COLUMN log_history jsonb;
COMMENT ON COLUMN relay_partition.log_mark IS 'The last event of the log that cursor covers, and the cursor and offset that it belongs to: with others beside it, it means nothing.';
COMMENT ON COLUMN relay_partition.log_history IS 'Older checkpoints, oldest first; of use together with log_mark only.';
-- The history changes every few seconds and the rest of the row every second: stored apart, it is not copied with it.
ALTER TABLE relay_partition SET (toast_tuple_target = 512);

-- Whether the outbox may lack something that a snapshot does not see.
CREATE FUNCTION outbox_dropped_since(since pg_snapshot) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS $function$
  SELECT coalesce((SELECT xid >= pg_snapshot_xmin(since) FROM dropped_events), false)
$function$;
COMMENT ON FUNCTION outbox_dropped_since IS 'Whether rows were dropped from the outbox that the snapshot may not see.';

-- It looks for tables here and nowhere else: a caller must not put others of the same name before them.
DO $block$
BEGIN
  EXECUTE format('ALTER FUNCTION outbox_dropped_since(pg_snapshot) SET search_path = %s, pg_temp',
    (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'outbox'::regclass));
END $block$;
