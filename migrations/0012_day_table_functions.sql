-- What the relay's janitor does to the outbox needs its owner, whom nothing else of the relay needs. These functions act as the owner and do
-- nothing but that: no table is dropped before every event in it is published and no replay needs it, whoever calls them.

CREATE FUNCTION outbox_keep_reason(part text, before timestamptz) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
  published boolean;
  replayed boolean;
BEGIN
  -- Published is what every cursor covers: its transaction is older than the oldest one in progress at any of them. Cursors of windows in
  -- progress and of paused partitions count as they stand.
  EXECUTE format($query$
    WITH last AS MATERIALIZED (
      SELECT (SELECT xid FROM %1$I ORDER BY xid DESC LIMIT 1) AS xid,
             (SELECT seq FROM %1$I ORDER BY seq DESC LIMIT 1) AS seq)
    SELECT xid IS NULL OR coalesce((SELECT bool_and(xid < pg_snapshot_xmin(cursor)) FROM relay_partition), false),
           EXISTS (SELECT FROM replay_partition JOIN replay_request USING (replay_id)
                   WHERE finished_at IS NULL AND after_seq < last.seq
                     AND (since IS NULL OR since < $1) AND (from_seq IS NULL OR from_seq <= last.seq))
    FROM last $query$, part) INTO published, replayed USING before;
  RETURN CASE WHEN NOT published THEN 'not published' WHEN replayed THEN 'a replay needs it' END;
END $function$;
COMMENT ON FUNCTION outbox_keep_reason IS 'Why rows of a partition of the outbox that are older than a time have to stay; null: they may go.';

-- A new table that is then attached locks less than CREATE … PARTITION OF: inserts into other tables go on, and only the default one is
-- locked while Postgres looks into it for rows of the new range.
CREATE FUNCTION outbox_create_day_table(day_table text, starts timestamptz, ends timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $function$
DECLARE
  settings text;
BEGIN
  IF day_table !~ '^outbox_\d{8}$' THEN
    RAISE EXCEPTION '% is no name of a day table', day_table USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(day_table) AND relispartition) THEN
    RETURN 'nothing';
  END IF;
  SELECT array_to_string(reloptions, ', ') INTO settings FROM pg_class WHERE oid = 'outbox_default'::regclass;
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE outbox INCLUDING ALL) %s', day_table, 'WITH (' || settings || ')');
  EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', day_table, starts, ends);
  RETURN 'created';
END $function$;
COMMENT ON FUNCTION outbox_create_day_table IS 'Makes a partition of the outbox like the default one: created, or nothing when it is there.';

CREATE FUNCTION outbox_drop_day_table(day_table text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $function$
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
  EXECUTE format('DROP TABLE %I', day_table);
  RETURN 'retired';
END $function$;
COMMENT ON FUNCTION outbox_drop_day_table IS 'Drops a partition of the outbox: retired, nothing when there is none, or why it has to stay.';

CREATE FUNCTION outbox_empty_default(cutoff timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $function$
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
  TRUNCATE outbox_default;
  RETURN 'retired';
END $function$;
COMMENT ON FUNCTION outbox_empty_default IS 'Empties the default partition of the outbox once all of it is older than the cutoff and of no use: retired, nothing, or why it has to stay.';

-- They look for tables here and nowhere else: a caller must not put others of the same name before them.
DO $block$
DECLARE
  schema_of_outbox text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'outbox'::regclass);
  signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY['outbox_keep_reason(text, timestamptz)', 'outbox_drop_day_table(text)',
    'outbox_create_day_table(text, timestamptz, timestamptz)', 'outbox_empty_default(timestamptz)']
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', signature, schema_of_outbox);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
  END LOOP;
END $block$;
