import type { OrderEventType } from '@order-events/domain';
import type { ClientBase, Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';
import { chosen, IS_CHOSEN, type ParkedChoice } from './parked-keys.ts';
import { inTransactionForRelays } from './relay-notification.ts';

/** Events that Kafka refused and those behind them, for the relay that has their partition. */
export interface ParkedEventStore {
  /** The first parked event of each of the keys that have one. */
  firstOf(partition: number, keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Stores events with the reason why each waits; one that is parked already stays as it is. */
  park(events: readonly (PendingEvent & { readonly cause: string })[]): Promise<void>;
  keys(partition: number): Promise<HeldKey[]>;
  /** The first events of a key, by `seq`: at most `limit`. */
  eventsOf(partition: number, key: string, limit: number): Promise<PendingEvent[]>;
  /** Its events are published, and the key is free once none is left. */
  remove(eventIds: readonly string[]): Promise<void>;
  /** Events that were given up and lie beyond a snapshot: a cursor that went back comes to them once more. */
  discardedBeyond(snapshot: string): Promise<string[]>;
  /** Kafka has refused an event again: its key waits for the operator's next decision. */
  refuse(event: PendingEvent, cause: string): Promise<void>;
}

/** A key with parked events, as its owner sees it. */
export interface HeldKey {
  readonly key: string;
  readonly firstEventId: string;
  /** An operator wants its events to be published again. */
  readonly requeued: boolean;
}

interface ParkedRow {
  event_id: string;
  seq: string | bigint;
  partition: number;
  key: string;
  event_type: OrderEventType;
  headers: Record<string, string>;
  payload: string;
  created_at: Date;
}

export function createParkedEventStore(pool: Pool): ParkedEventStore {
  return {
    async park(events) {
      await pool.query(
        `INSERT INTO parked_event (event_id, seq, partition, key, event_type, headers, payload, created_at, cause)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::jsonb[], $7::text[],
           $8::timestamptz[], $9::text[])
         ON CONFLICT (event_id) DO NOTHING`,
        [
          events.map((event) => event.eventId),
          events.map((event) => event.seq),
          events.map((event) => event.partition),
          events.map((event) => event.key),
          events.map((event) => event.eventType),
          events.map((event) => JSON.stringify(event.headers)),
          events.map((event) => event.payload),
          events.map((event) => event.createdAt),
          events.map((event) => event.cause),
        ],
      );
    },

    async keys(partition) {
      const { rows } = await pool.query<{ key: string; event_id: string; requeued: boolean }>(
        `SELECT DISTINCT ON (key) key, event_id, requeued_at IS NOT NULL AS requeued
         FROM parked_event WHERE partition = $1 ORDER BY key, seq`,
        [partition],
      );
      return rows.map((row) => ({ key: row.key, firstEventId: row.event_id, requeued: row.requeued }));
    },

    async firstOf(partition, keys) {
      const { rows } = await pool.query<{ key: string; event_id: string }>(
        `SELECT DISTINCT ON (key) key, event_id FROM parked_event
         WHERE partition = $1 AND key = ANY($2::text[]) ORDER BY key, seq`,
        [partition, keys],
      );
      return new Map(rows.map((row) => [row.key, row.event_id]));
    },

    async eventsOf(partition, key, limit) {
      const { rows } = await pool.query<ParkedRow>(
        `SELECT event_id, seq, partition, key, event_type, headers, payload, created_at
         FROM parked_event WHERE partition = $1 AND key = $2 ORDER BY seq LIMIT $3`,
        [partition, key, limit],
      );
      return rows.map((row) => ({
        seq: BigInt(row.seq),
        eventId: row.event_id,
        eventType: row.event_type,
        key: row.key,
        partition: row.partition,
        payload: row.payload,
        headers: row.headers,
        createdAt: row.created_at,
      }));
    },

    async remove(eventIds) {
      await pool.query('DELETE FROM parked_event WHERE event_id = ANY($1::uuid[])', [eventIds]);
    },

    async discardedBeyond(snapshot) {
      const { rows } = await pool.query<{ event_id: string }>(
        `SELECT event_id FROM discarded_event JOIN outbox USING (event_id, seq)
         WHERE NOT pg_visible_in_snapshot(xid, $1::pg_snapshot)`,
        [snapshot],
      );
      return rows.map((row) => row.event_id);
    },

    async refuse(event, cause) {
      await pool.query(
        `UPDATE parked_event SET requeued_at = NULL, cause = CASE event_id WHEN $3::uuid THEN $4 ELSE cause END
         WHERE partition = $1 AND key = $2`,
        [event.partition, event.key, event.eventId, cause],
      );
    },
  };
}

/** Asks the owners to publish all parked events of the keys again. Answers their number. */
export function requeueKeys(pool: Pool, keys: readonly string[]): Promise<number> {
  return inTransactionForRelays(pool, async (client) => {
    const { rowCount } = await client.query(
      'UPDATE parked_event SET requeued_at = clock_timestamp() WHERE key = ANY($1::text[])',
      [keys],
    );
    return rowCount ?? 0;
  });
}

/** Gives events up for good; those that are being published again at present stay. Answers their number. */
export function discardEvents(pool: Pool, choice: ParkedChoice): Promise<number> {
  return inTransactionForRelays(pool, async (client) => {
    const { rowCount } = await client.query(
      `WITH discarded AS (
         DELETE FROM parked_event WHERE requeued_at IS NULL AND ${IS_CHOSEN}
         RETURNING event_id, seq, key, event_type, cause)
       INSERT INTO discarded_event (event_id, seq, key, event_type, cause)
       SELECT event_id, seq, key, event_type, cause FROM discarded
       ON CONFLICT (event_id) DO NOTHING`,
      chosen(choice),
    );
    return rowCount ?? 0;
  });
}

/** Gives parked keys to the partitions that `partitionOf` names, when the topic has another number of them. */
export async function remapParkedKeys(
  client: ClientBase,
  partitionOf: (key: string) => number,
): Promise<void> {
  const { rows } = await client.query<{ key: string }>('SELECT DISTINCT key FROM parked_event');
  const keys = rows.map(({ key }) => key);
  await client.query(
    `UPDATE parked_event SET partition = now_in.partition
     FROM unnest($1::text[], $2::int[]) AS now_in (key, partition)
     WHERE parked_event.key = now_in.key`,
    [keys, keys.map(partitionOf)],
  );
}
