import type { OrderEventType } from '@order-events/domain';
import type { Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';
import { advanceReplay, type Replay, unfinishedParts } from './replay-requests.ts';

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
  event_id: string;
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
    unfinished: (partition) => unfinishedParts(pool, partition),
    advance: (replay, progress) => advanceReplay(pool, replay, progress),

    async page(replay, snapshot) {
      const { rows: walked } = await pool.query<WalkedRow>(
        `SELECT seq, event_id, key_hash % $1::int = $2 AND ($3::text IS NULL OR key = $3)
            AND ($4::timestamptz IS NULL OR created_at >= $4)
            AND NOT EXISTS (SELECT FROM parked_event WHERE parked_event.event_id = outbox.event_id)
            AND NOT EXISTS (SELECT FROM discarded_event WHERE discarded_event.event_id = outbox.event_id) AS wanted,
           pg_visible_in_snapshot(xid, $5::pg_snapshot) AS covered
         FROM outbox WHERE seq > $6 AND seq <= $7 ORDER BY seq FETCH FIRST $8 ROWS WITH TIES`,
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
      const uncovered = walked.find((row) => row.wanted && !row.covered);
      const covered = uncovered ? walked.slice(0, indexOfSeq(walked, uncovered.seq)) : walked;
      const wanted = firstEvents(covered.filter((row) => row.wanted));
      const events = await readEvents(pool, replay, wanted);
      const walkedAll = wanted.length < PAGE_EVENTS && events.length === wanted.length;
      const lastSeq = walkedAll ? covered.at(-1)?.seq : events.at(-1)?.seq;
      return {
        events,
        afterSeq: lastSeq === undefined ? replay.afterSeq : BigInt(lastSeq),
        waits: walkedAll && uncovered !== undefined,
        finished: walkedAll && !uncovered && walked.length < WALKED_ROWS,
      };
    },
  };
}

/** A page that is full; it does not end between events with one number, which a sequence that was set back has given out twice. */
function firstEvents(wanted: readonly WalkedRow[]): readonly WalkedRow[] {
  const last = wanted[PAGE_EVENTS - 1];
  return last ? wanted.filter(({ seq }, index) => index < PAGE_EVENTS || seq === last.seq) : wanted;
}

function indexOfSeq(rows: readonly WalkedRow[], seq: string | bigint): number {
  return rows.findIndex((row) => row.seq === seq);
}

/** The first of them, as many as are not too large together. */
async function readEvents(pool: Pool, replay: Replay, wanted: readonly WalkedRow[]): Promise<PendingEvent[]> {
  if (wanted.length === 0) return [];
  const { rows } = await pool.query<EventRow>(
    `SELECT seq, event_id, event_type, key, headers, payload, created_at
     FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq RANGE UNBOUNDED PRECEDING EXCLUDE GROUP) AS bytes_before
           FROM outbox WHERE seq = ANY($1::bigint[]) AND event_id = ANY($3::uuid[])) AS page
     WHERE bytes_before IS NULL OR bytes_before < $2 ORDER BY seq`,
    [wanted.map(({ seq }) => seq), PAGE_BYTES, wanted.map((row) => row.event_id)],
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
