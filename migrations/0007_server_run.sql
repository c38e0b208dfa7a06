-- One run of the server, from its start or from its last crash to the next. A crash may give out transaction ids again that were only
-- ever seen in memory, and a failover goes on from what the standby had: a cursor that a relay made before it and has not stored
-- means nothing afterwards. The statistics are reset by every crash, also by one that the server survives.
CREATE FUNCTION relay_server_run() RETURNS text LANGUAGE sql STABLE AS $function$
  SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
    (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))
$function$;
COMMENT ON FUNCTION relay_server_run IS 'Names this run of the server: another answer means that it was started again, has crashed, or is another one.';

ALTER TABLE relay_partition ADD COLUMN server_run text;
COMMENT ON COLUMN relay_partition.server_run IS 'The run of the server in which the owner took the partition; a checkpoint is stored in the same one only.';
