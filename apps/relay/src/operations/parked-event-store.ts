import type { OrderEventType } from '@order-events/domain';
import type { Pool } from 'pg';
import type { PendingEvent } from '../pending-event.ts';
import type { ParkedEvents } from '../publish/key-parking.ts';

/** A key with parked events. */
export interface ParkedKey {
  readonly key: string;
  readonly firstEventId: string;
  /** An operator wants its events to be published again. */
  readonly requeued: boolean;
}

export interface ParkedEventStore extends ParkedEvents {
  keys(partition: number): Promise<ParkedKey[]>;
  /** The first events of a key, by `seq`: at most `limit`. */
  eventsOf(partition: number, key: string, limit: number): Promise<PendingEvent[]>;
  /** Its events are published, and the key is free once none is left. */
  remove(eventIds: readonly string[]): Promise<void>;
  /** Kafka has refused an event again: its key waits for the operator's next decision. */
  refuse(event: PendingEvent, cause: string): Promise<void>;
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

    async refuse(event, cause) {
      await pool.query(
        `UPDATE parked_event SET requeued_at = NULL, cause = CASE event_id WHEN $3::uuid THEN $4 ELSE cause END
         WHERE partition = $1 AND key = $2`,
        [event.partition, event.key, event.eventId, cause],
      );
    },
  };
}
