import type { Queries } from '../queries.ts';

/** A key of which events are parked, as operators see it. */
export interface ParkedKey {
  readonly partition: number;
  readonly key: string;
  readonly events: number;
  readonly parkedAt: Date;
  /** While the key is being published again. */
  readonly requeuedAt: Date | undefined;
  /** The event that Kafka refused; the others wait behind it. */
  readonly firstEventId: string;
  readonly eventType: string;
  readonly cause: string;
}

export interface ParkedEvent {
  readonly eventId: string;
  readonly seq: bigint;
  readonly partition: number;
  readonly key: string;
  readonly eventType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
  readonly createdAt: Date;
  readonly cause: string;
  readonly parkedAt: Date;
  readonly requeuedAt: Date | undefined;
}

/** One parked event, all those of some keys, or all there are. */
export type ParkedChoice =
  { readonly eventId: string } | { readonly keys: readonly string[] } | { readonly all: true };

interface KeyRow {
  partition: number;
  key: string;
  events: number;
  parked_at: Date;
  requeued_at: Date | null;
  first_event_id: string;
  event_type: string;
  cause: string;
  total: number;
  total_events: number;
}

/** At most `limit` keys (1 or more), those parked longest first, and how many there are at the same moment. */
export async function listParkedKeys(
  queries: Queries,
  limit: number,
): Promise<{ keys: ParkedKey[]; total: number; events: number }> {
  const { rows } = await queries.query<KeyRow>(
    `SELECT partition, key, count(*)::int AS events, min(parked_at) AS parked_at, max(requeued_at) AS requeued_at,
       (array_agg(event_id ORDER BY seq))[1] AS first_event_id, (array_agg(event_type ORDER BY seq))[1] AS event_type,
       (array_agg(cause ORDER BY seq))[1] AS cause,
       (count(*) OVER ())::int AS total, (sum(count(*)) OVER ())::int AS total_events
     FROM parked_event GROUP BY partition, key ORDER BY min(parked_at), key LIMIT $1`,
    [limit],
  );
  const keys = rows.map((row) => ({
    partition: row.partition,
    key: row.key,
    events: row.events,
    parkedAt: row.parked_at,
    requeuedAt: row.requeued_at ?? undefined,
    firstEventId: row.first_event_id,
    eventType: row.event_type,
    cause: row.cause,
  }));
  return { keys, total: rows[0]?.total ?? 0, events: rows[0]?.total_events ?? 0 };
}

interface EventRow {
  event_id: string;
  seq: bigint | string;
  partition: number;
  key: string;
  event_type: string;
  headers: Record<string, string>;
  payload: string;
  created_at: Date;
  cause: string;
  parked_at: Date;
  requeued_at: Date | null;
}

/** The chosen events in the order in which they would be published; with their payloads, at most `limit`. */
export async function findParkedEvents(
  queries: Queries,
  choice: ParkedChoice,
  limit: number,
): Promise<ParkedEvent[]> {
  const { rows } = await queries.query<EventRow>(
    `SELECT event_id, seq, partition, key, event_type, headers, payload, created_at, cause, parked_at, requeued_at
     FROM parked_event WHERE ${IS_CHOSEN} ORDER BY partition, key, seq LIMIT $3`,
    [...chosen(choice), limit],
  );
  return rows.map((row) => ({
    eventId: row.event_id,
    seq: BigInt(row.seq),
    partition: row.partition,
    key: row.key,
    eventType: row.event_type,
    headers: row.headers,
    payload: row.payload,
    createdAt: row.created_at,
    cause: row.cause,
    parkedAt: row.parked_at,
    requeuedAt: row.requeued_at ?? undefined,
  }));
}

export async function countParkedEvents(
  queries: Queries,
  choice: ParkedChoice,
): Promise<{ events: number; requeued: number; keys: string[] }> {
  const { rows } = await queries.query<{ key: string; events: number; requeued: number }>(
    `SELECT key, count(*)::int AS events, count(requeued_at)::int AS requeued
     FROM parked_event WHERE ${IS_CHOSEN} GROUP BY key ORDER BY key`,
    chosen(choice),
  );
  return {
    events: rows.reduce((sum, row) => sum + row.events, 0),
    requeued: rows.reduce((sum, row) => sum + row.requeued, 0),
    keys: rows.map((row) => row.key),
  };
}

/** SQL: a parked event is among those that `chosen` names, in the parameters $1 and $2. */
export const IS_CHOSEN = `($1::uuid IS NULL OR event_id = $1::uuid) AND ($2::text[] IS NULL OR key = ANY($2::text[]))`;

export function chosen(choice: ParkedChoice): [string | null, readonly string[] | null] {
  return ['eventId' in choice ? choice.eventId : null, 'keys' in choice ? choice.keys : null];
}
