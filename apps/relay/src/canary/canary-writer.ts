import { keyHash } from '@order-events/messaging/key-hash';
import type { Pool } from 'pg';

export interface CanaryEvent {
  readonly eventId: string;
  /** No order's. */
  readonly key: string;
}

/**
 * Puts a canary into the outbox, in a transaction of its own. Beside the API's outbox writer it is the only insert into `outbox`, and
 * can insert nothing but canaries: `make drift-check` holds it to this type.
 */
export async function insertCanary(pool: Pool, { eventId, key }: CanaryEvent): Promise<void> {
  const payload = { event_id: eventId, event_type: 'relay.canary', schema_version: 1, sent_at: new Date() };
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, 'relay.canary', $4)`,
    [key, keyHash(key), eventId, JSON.stringify(payload)],
  );
}
