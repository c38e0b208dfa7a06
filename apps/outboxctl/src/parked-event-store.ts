import { type Database, inTransaction, type Transaction } from '@order-events/database';
import { sql } from 'kysely';
import { notifyRelays } from './relay-notification.ts';

/** A key of which events are parked, oldest first. */
export interface ParkedKey {
  readonly partition: number;
  readonly key: string;
  readonly events: number;
  /** The event that Kafka refused; the others wait behind it. */
  readonly first_event_id: string;
  readonly event_type: string;
  readonly cause: string;
  readonly parked_at: Date;
  /** Set while the key is being published again. */
  readonly requeued_at: Date | null;
}

export interface ParkedEvent {
  readonly event_id: string;
  readonly seq: bigint;
  readonly partition: number;
  readonly key: string;
  readonly event_type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
  readonly created_at: Date;
  readonly cause: string;
  readonly parked_at: Date;
  readonly requeued_at: Date | null;
}

/** One parked event, all those of some keys, or all there are. */
export type ParkedChoice =
  { readonly eventId: string } | { readonly keys: readonly string[] } | { readonly all: true };

/** At most `limit` keys (1 or more), those parked longest first, and how many there are at the same moment. */
export async function listParkedKeys(
  database: Database,
  limit: number,
): Promise<{ keys: ParkedKey[]; total: number; events: number }> {
  const { rows } = await sql<ParkedKey & { total: number; total_events: number }>`
    SELECT partition, key, count(*)::int AS events, min(parked_at) AS parked_at, max(requeued_at) AS requeued_at,
      (array_agg(event_id ORDER BY seq))[1] AS first_event_id, (array_agg(event_type ORDER BY seq))[1] AS event_type,
      (array_agg(cause ORDER BY seq))[1] AS cause,
      (count(*) OVER ())::int AS total, (sum(count(*)) OVER ())::int AS total_events
    FROM parked_event GROUP BY partition, key ORDER BY min(parked_at), key LIMIT ${limit}`.execute(database);
  const keys = rows.map(({ total: _total, total_events: _events, ...key }) => key);
  return { keys, total: rows[0]?.total ?? 0, events: rows[0]?.total_events ?? 0 };
}

/** The chosen events in the order in which they would be published; with their payloads, at most `limit`. */
export async function findParkedEvents(
  database: Database,
  choice: ParkedChoice,
  limit: number,
): Promise<ParkedEvent[]> {
  const { rows } = await sql<ParkedEvent>`
    SELECT event_id, seq, partition, key, event_type, headers, payload, created_at, cause, parked_at, requeued_at
    FROM parked_event WHERE ${matches(choice)} ORDER BY partition, key, seq LIMIT ${limit}`.execute(database);
  return rows;
}

export async function countParkedEvents(
  database: Database | Transaction,
  choice: ParkedChoice,
): Promise<{ events: number; requeued: number; keys: string[] }> {
  const { rows } = await sql<{ key: string; events: number; requeued: number }>`
    SELECT key, count(*)::int AS events, count(requeued_at)::int AS requeued
    FROM parked_event WHERE ${matches(choice)} GROUP BY key ORDER BY key`.execute(database);
  return {
    events: rows.reduce((sum, row) => sum + row.events, 0),
    requeued: rows.reduce((sum, row) => sum + row.requeued, 0),
    keys: rows.map((row) => row.key),
  };
}

/** Asks the owners to publish all parked events of the keys again. Answers their number. */
export function requeueKeys(database: Database, keys: readonly string[]): Promise<number> {
  return inTransaction(database, async (transaction) => {
    const { numAffectedRows } = await sql`
      UPDATE parked_event SET requeued_at = clock_timestamp() WHERE key = ANY(${keys}::text[])`.execute(
      transaction,
    );
    await notifyRelays(transaction);
    return Number(numAffectedRows ?? 0);
  });
}

/** Gives events up for good; those that are being published again at present stay. Answers their number. */
export function discardEvents(database: Database, choice: ParkedChoice): Promise<number> {
  return inTransaction(database, async (transaction) => {
    const { numAffectedRows } = await sql`
      WITH discarded AS (
        DELETE FROM parked_event WHERE requeued_at IS NULL AND ${matches(choice)}
        RETURNING event_id, seq, key, event_type, cause)
      INSERT INTO discarded_event (event_id, seq, key, event_type, cause)
      SELECT event_id, seq, key, event_type, cause FROM discarded
      ON CONFLICT (event_id) DO NOTHING`.execute(transaction);
    await notifyRelays(transaction);
    return Number(numAffectedRows ?? 0);
  });
}

function matches(choice: ParkedChoice) {
  if ('eventId' in choice) return sql`event_id = ${choice.eventId}::uuid`;
  if ('keys' in choice) return sql`key = ANY(${choice.keys}::text[])`;
  return sql`true`;
}

/** Gives parked keys to the partitions that `partitionOf` names, when the topic has another number of them. */
export async function remapParkedKeys(
  transaction: Transaction,
  partitionOf: (key: string) => number,
): Promise<void> {
  const { rows } = await sql<{ key: string }>`SELECT DISTINCT key FROM parked_event`.execute(transaction);
  const keys = rows.map(({ key }) => key);
  await sql`
    UPDATE parked_event SET partition = now_in.partition
    FROM unnest(${keys}::text[], ${keys.map(partitionOf)}::int[]) AS now_in (key, partition)
    WHERE parked_event.key = now_in.key`.execute(transaction);
}
