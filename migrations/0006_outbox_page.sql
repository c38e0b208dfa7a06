-- One page of the outbox for partitions that stand at one cursor: a header row (seq is null), then the events by seq.
--
-- Without target it looks for a new window: what the current snapshot sees and since does not, that is rows of transactions that began
-- later or were in progress then and have ended. When more rows than a page holds are found, only the header is of use.
-- With target it goes on in a window that is worked off in pages: the next rows by seq after after_seq, whether they belong to the
-- window or not, so that each page costs the same.
--
-- A function, because its plans outlive the statement in every session and through every pooler: planning over a week of partitions
-- costs several times what the look itself does. They are generic and may only walk an index, whatever the planner's statistics say: a
-- plan that sorts, or filters the table, is right for an empty outbox and a disaster for a full one.
CREATE FUNCTION outbox_page(
  since pg_snapshot, target pg_snapshot, after_seq bigint,
  partition_count int, partitions int[], max_rows int, max_bytes bigint)
RETURNS TABLE (
  header text, seq bigint, key text, partition int, event_id uuid, event_type text, headers jsonb, payload text,
  created_ms double precision)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH walked AS MATERIALIZED (
    (SELECT seq, xid, key, key_hash, event_id, event_type, headers, payload, created_at, true AS in_window
       FROM outbox WHERE target IS NULL AND xid >= pg_snapshot_xmax(since) ORDER BY xid LIMIT max_rows + 1)
    UNION ALL
    -- One probe for each transaction that has ended, not for each that is open.
    (SELECT seq, xid, key, key_hash, event_id, event_type, headers, payload, created_at, true
       FROM outbox WHERE target IS NULL AND xid = ANY (ARRAY(
         SELECT open FROM pg_snapshot_xip(since) AS open
          WHERE pg_visible_in_snapshot(open, (SELECT pg_current_snapshot()))))
      LIMIT max_rows + 1)
    UNION ALL
    (SELECT seq, xid, key, key_hash, event_id, event_type, headers, payload, created_at,
            pg_visible_in_snapshot(xid, target) AND NOT pg_visible_in_snapshot(xid, since)
       FROM outbox WHERE target IS NOT NULL AND seq > after_seq ORDER BY seq LIMIT max_rows)
  ),
  candidate AS (
    SELECT *, in_window AND key_hash % partition_count = ANY (partitions) AS mine FROM walked
  )
  SELECT json_build_object('snapshot', pg_current_snapshot()::text, 'walked', count(*),
           'found', count(*) FILTER (WHERE mine), 'lastSeq', max(seq)::text)::text,
         NULL::bigint AS seq, NULL::text, NULL::int, NULL::uuid, NULL::text, NULL::jsonb, NULL::text, NULL::double precision
    FROM candidate
  UNION ALL
  -- A payload out of line stays there until it is sent, so the rows that are cut off cost nothing.
  SELECT NULL, seq, key, key_hash % partition_count, event_id, event_type, headers, payload,
         date_part('epoch', created_at) * 1000
    FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - octet_length(payload) AS bytes_before
            FROM candidate WHERE mine) AS page
   WHERE bytes_before < max_bytes AND (target IS NOT NULL OR (SELECT count(*) FROM walked) <= max_rows)
   ORDER BY seq NULLS FIRST;
END
$function$;
COMMENT ON FUNCTION outbox_page IS 'The relay''s look at the outbox: rows that target (by default the current snapshot) sees and since does not.';
