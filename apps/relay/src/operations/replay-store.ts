import type { OrderEventType } from '@order-events/domain';
import type { Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';

/** The part of a replay that concerns one partition and is not finished. */
export interface Replay {
  readonly replayId: string;
  readonly partition: number;
  readonly afterSeq: bigint;
  readonly toSeq: bigint;
  /** Exactly one of these is set. */
  readonly since: Date | null;
  readonly key: string | null;
  readonly fromSeq: bigint | null;
}

export interface ReplayPage {
  readonly events: readonly PendingEvent[];
  /** All that is asked for up to this `seq` is in `events`, or in pages before. */
  readonly afterSeq: bigint;
  /** The next event is asked for, and the cursor does not cover it yet. */
  readonly waits: boolean;
  readonly finished: boolean;
}

interface WalkedRow {
  seq: string | bigint;
  /** It is asked for. */
  wanted: boolean;
  /** The cursor says that it is published. */
  covered: boolean;
}

export interface ReplayStore {
  unfinished(partition: number): Promise<Replay[]>;
  /** The next events to publish again, up to the first that `snapshot` does not see: all of them have been published before. */
  page(replay: Replay, snapshot: string): Promise<ReplayPage>;
  /** Notes how far the replay has come. */
  advance(replay: Replay, progress: { afterSeq: bigint; events: number; finished: boolean }): Promise<void>;
}

/** Rows that one page walks: most of them may belong to other partitions or keys. */
const WALKED_ROWS = 5_000;
const PAGE_EVENTS = 500;
const PAGE_BYTES = 4 * 1024 * 1024;

interface ReplayRow {
  replay_id: string;
  partition: number;
  after_seq: string | bigint;
  to_seq: string | bigint;
  since: Date | null;
  key: string | null;
  from_seq: string | bigint | null;
}

interface EventRow {
  seq: string | bigint;
  event_id: string;
  event_type: OrderEventType;
  key: string;
  headers: Record<string, string>;
  payload: string;
  created_at: Date;
}

export function createReplayStore(pool: Pool, partitionCount: number): ReplayStore {
  return {
    async unfinished(partition) {
      const { rows } = await pool.query<ReplayRow>(
        `SELECT replay_id, partition, greatest(after_seq, coalesce(from_seq, 0) - 1) AS after_seq, to_seq, since, key, from_seq
         FROM replay_partition JOIN replay_request USING (replay_id)
         WHERE partition = $1 AND finished_at IS NULL ORDER BY requested_at, replay_id`,
        [partition],
      );
      return rows.map((row) => ({
        replayId: row.replay_id,
        partition: row.partition,
        afterSeq: BigInt(row.after_seq),
        toSeq: BigInt(row.to_seq),
        since: row.since,
        key: row.key,
        fromSeq: row.from_seq === null ? null : BigInt(row.from_seq),
      }));
    },

    async page(replay, snapshot) {
      const { rows: walked } = await pool.query<WalkedRow>(
        `SELECT seq, key_hash % $1::int = $2 AND ($3::text IS NULL OR key = $3)
            AND ($4::timestamptz IS NULL OR created_at >= $4)
            AND NOT EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
            AND NOT EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id) AS wanted,
           pg_visible_in_snapshot(xid, $5::pg_snapshot) AS covered
         FROM outbox WHERE seq > $6 AND seq <= $7 ORDER BY seq LIMIT $8`,
        [
          partitionCount,
          replay.partition,
          replay.key,
          replay.since,
          snapshot,
          replay.afterSeq,
          replay.toSeq,
          WALKED_ROWS,
        ],
      );
      // What the cursor does not cover, though it may well be published, is waited for: passed over, it would be left out for ever.
      const firstUncovered = walked.findIndex((row) => row.wanted && !row.covered);
      const covered = firstUncovered < 0 ? walked : walked.slice(0, firstUncovered);
      const wanted = covered.filter((row) => row.wanted).slice(0, PAGE_EVENTS);
      const events = await readEvents(
        pool,
        replay,
        wanted.map((row) => BigInt(row.seq)),
      );
      const walkedAll = wanted.length < PAGE_EVENTS && events.length === wanted.length;
      const lastSeq = walkedAll ? covered.at(-1)?.seq : events.at(-1)?.seq;
      return {
        events,
        afterSeq: lastSeq === undefined ? replay.afterSeq : BigInt(lastSeq),
        waits: walkedAll && firstUncovered >= 0,
        finished: walkedAll && firstUncovered < 0 && walked.length < WALKED_ROWS,
      };
    },

    async advance({ replayId, partition }, { afterSeq, events, finished }) {
      await pool.query(
        `UPDATE replay_partition SET after_seq = $3, published_events = published_events + $4,
           finished_at = CASE WHEN $5 AND finished_at IS NULL THEN clock_timestamp() ELSE finished_at END
         WHERE replay_id = $1 AND partition = $2`,
        [replayId, partition, afterSeq, events, finished],
      );
    },
  };
}

async function readEvents(pool: Pool, replay: Replay, seqs: readonly bigint[]): Promise<PendingEvent[]> {
  if (seqs.length === 0) return [];
  const { rows } = await pool.query<EventRow>(
    `SELECT seq, event_id, event_type, key, headers, payload, created_at
     FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - octet_length(payload) AS bytes_before
           FROM outbox WHERE seq = ANY($1::bigint[])) AS page
     WHERE bytes_before < $2 ORDER BY seq`,
    [seqs, PAGE_BYTES],
  );
  return rows.map((row) => ({
    seq: BigInt(row.seq),
    eventId: row.event_id,
    eventType: row.event_type,
    key: row.key,
    partition: replay.partition,
    payload: row.payload,
    headers: row.headers,
    createdAt: row.created_at,
    replayId: replay.replayId,
  }));
}
