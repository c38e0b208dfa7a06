-- Which orders have changed since a moment, for clients that ask again and again: the difference of two snapshots, as the relay reads it.
-- The API has no right to read the outbox, so that these functions act as the owner and tell it ids of orders and nothing else.

-- What was dropped is not there to be told. One row: the newest transaction of all that was.
CREATE TABLE dropped_events (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  xid xid8 NOT NULL
);
INSERT INTO dropped_events (xid) VALUES ('0');
COMMENT ON TABLE dropped_events IS 'The newest transaction that any dropped row of the outbox was of.';

CREATE FUNCTION outbox_note_dropped(part text) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  EXECUTE format('UPDATE dropped_events SET xid = greatest(xid, (SELECT xid FROM %I ORDER BY xid DESC LIMIT 1))', part);
END $function$;
COMMENT ON FUNCTION outbox_note_dropped IS 'To be called under the lock under which a partition of the outbox is dropped or emptied.';

CREATE OR REPLACE FUNCTION outbox_drop_day_table(day_table text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $function$
DECLARE
  ends timestamptz;
  reason text;
BEGIN
  SELECT (regexp_match(pg_get_expr(relpartbound, pg_class.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz INTO ends
  FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
  WHERE inhparent = 'outbox'::regclass AND relname = day_table AND day_table ~ '^outbox_\d{8}$';
  IF ends IS NULL THEN RETURN 'nothing'; END IF;
  -- First without a lock, and again under it.
  reason := outbox_keep_reason(day_table, ends);
  IF reason IS NOT NULL THEN RETURN reason; END IF;
  -- In the order in which writers and readers take their locks, so that no two wait for each other.
  LOCK TABLE ONLY outbox IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', day_table);
  reason := outbox_keep_reason(day_table, ends);
  IF reason IS NOT NULL THEN RETURN reason; END IF;
  PERFORM outbox_note_dropped(day_table);
  EXECUTE format('DROP TABLE %I', day_table);
  RETURN 'retired';
END $function$;

CREATE OR REPLACE FUNCTION outbox_empty_default(cutoff timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $function$
DECLARE
  newest timestamptz;
  reason text;
BEGIN
  FOR look IN 1..2 LOOP
    SELECT created_at INTO newest FROM outbox_default ORDER BY seq DESC LIMIT 1;
    IF newest IS NULL OR newest >= cutoff OR EXISTS (SELECT FROM outbox_default WHERE created_at >= cutoff) THEN
      RETURN 'nothing';
    END IF;
    reason := outbox_keep_reason('outbox_default', cutoff);
    IF reason IS NOT NULL THEN RETURN reason; END IF;
    IF look = 1 THEN LOCK TABLE outbox_default IN ACCESS EXCLUSIVE MODE; END IF;
  END LOOP;
  PERFORM outbox_note_dropped('outbox_default');
  TRUNCATE outbox_default;
  RETURN 'retired';
END $function$;

CREATE FUNCTION outbox_run() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS $function$
  SELECT CASE WHEN NOT pg_is_in_recovery() THEN
    concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()), relay_server_run()) END
$function$;
COMMENT ON FUNCTION outbox_run IS 'Names this database and this run of its server, within which snapshots can be compared; null on a standby, whose snapshots do not list what is in progress.';

-- Changes that `until` sees and `since` does not, by transaction and key, behind a place. Those in progress at `since` come first: they are
-- older than the rest. A key may come several times.
--
-- Volatile, so that each statement within has a snapshot of its own, taken when it has its locks: whatever was dropped before the rows were
-- read is noted when the second one looks. The plan may only walk the index by transaction, and sorts nothing but rows of one of them.
CREATE FUNCTION outbox_changes(
  of_run text, since pg_snapshot, until pg_snapshot, after_xid xid8, after_key text, max_changes int)
RETURNS TABLE (xid xid8, key text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  IF of_run IS DISTINCT FROM outbox_run() OR pg_snapshot_xmax(since) > pg_snapshot_xmax(pg_current_snapshot()) THEN
    RAISE EXCEPTION 'the snapshot is of another run or database' USING ERRCODE = 'OX410';
  END IF;
  RETURN QUERY
  SELECT xid, key FROM (
    (SELECT xid, key FROM outbox
      WHERE xid = ANY (ARRAY(SELECT open FROM pg_snapshot_xip(since) AS open
                              WHERE open >= after_xid AND pg_visible_in_snapshot(open, until)))
        AND (xid, key) > (after_xid, after_key)
      ORDER BY xid, key LIMIT max_changes)
    UNION ALL
    (SELECT xid, key FROM outbox
      WHERE xid >= greatest(pg_snapshot_xmax(since), after_xid) AND xid < pg_snapshot_xmax(until)
        AND pg_visible_in_snapshot(xid, until) AND (xid, key) > (after_xid, after_key)
      ORDER BY xid, key LIMIT max_changes)
  ) AS changed
  ORDER BY xid, key LIMIT max_changes;
  IF EXISTS (SELECT FROM dropped_events WHERE xid >= pg_snapshot_xmin(since)) THEN
    RAISE EXCEPTION 'changes since the snapshot were dropped' USING ERRCODE = 'OX410';
  END IF;
END
$function$;
COMMENT ON FUNCTION outbox_changes IS 'Transactions and keys of the rows of the outbox that until sees and since does not; OX410: that cannot be told any more.';

-- They look for tables here and nowhere else: a caller must not put others of the same name before them.
DO $block$
DECLARE
  schema_of_outbox text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'outbox'::regclass);
  signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY['outbox_note_dropped(text)', 'outbox_run()', 'outbox_drop_day_table(text)',
    'outbox_empty_default(timestamptz)', 'outbox_changes(text, pg_snapshot, pg_snapshot, xid8, text, int)']
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', signature, schema_of_outbox);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
  END LOOP;
END $block$;
