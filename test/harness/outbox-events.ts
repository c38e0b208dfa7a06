import { createLogReader } from '@order-events/messaging';
import type pg from 'pg';

/** Inserts events of as many keys, each in a transaction of its own, in one go. */
export async function insertOutboxEvents(pool: pg.Pool, count: number): Promise<void> {
  await pool.query(`DO $$ BEGIN
    FOR number IN 1..${count} LOOP
      INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
      VALUES (number, number, gen_random_uuid(), 'order.updated', '{}');
      COMMIT;
    END LOOP;
  END $$`);
}

/** Ids of all events in the outbox, sorted. */
export async function outboxEventIds(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ event_id: string }>('SELECT event_id FROM outbox');
  return rows.map((row) => row.event_id).sort();
}

/** Ids of all records in the topic, sorted; one that is in it twice comes twice. */
export async function eventIdsOfTopic(brokers: readonly string[], topic: string): Promise<string[]> {
  const reader = createLogReader({ brokers, clientId: 'test', topic });
  const found: string[] = [];
  try {
    // Where a topic is deleted meanwhile, its end may never come.
    const signal = AbortSignal.timeout(60_000);
    const from = await reader.offsets('earliest', undefined, signal);
    const to = await reader.offsets('latest', undefined, signal);
    const keep = ({ records }: { records: readonly { headers: Record<string, unknown> }[] }) => {
      found.push(...records.map(({ headers }) => String(headers['ce_id'])));
    };
    await reader.read(from, to, keep, signal);
  } finally {
    reader.close();
  }
  return found.sort();
}
