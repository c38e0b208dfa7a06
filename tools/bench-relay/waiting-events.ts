import { keyHash } from '@order-events/messaging';
import { withClient } from './bench-servers.ts';
import { changePayload, SAMPLE_HEADERS, sampleOrder } from '../bench/sample-orders.ts';

/** Orders with an event each in every transaction of the backlog; event number n is about order n modulo this. */
export const ORDERS_OF_BACKLOG = 5000;

/** Stand for what differs between the events of an order; nothing else in a payload reads like them. */
const EVENT_ID_MARK = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const VERSION_MARK = 987_654_321;

/**
 * Fills the outbox with events numbered from 0 that wait to be published, 5,000 in a transaction, and vacuums as time would.
 * Payloads are some 650 bytes, or filled with spaces to `payloadBytes`.
 */
export async function insertWaitingEvents(
  databaseUrl: string,
  events: number,
  payloadBytes = 0,
): Promise<void> {
  const orders = Array.from({ length: ORDERS_OF_BACKLOG }, (_, position) => {
    const order = { ...sampleOrder(position), version: VERSION_MARK };
    return { key: order.orderId, hash: keyHash(order.orderId), payload: changePayload(order, EVENT_ID_MARK) };
  });
  await withClient(databaseUrl, async (client) => {
    await client.query('CREATE TEMP TABLE sample (position bigint, key text, key_hash int, payload text)');
    await client.query(
      `INSERT INTO sample SELECT ordinality - 1, key, key_hash, payload
       FROM unnest($1::text[], $2::int[], $3::text[]) WITH ORDINALITY AS given (key, key_hash, payload)`,
      [orders.map(({ key }) => key), orders.map(({ hash }) => hash), orders.map(({ payload }) => payload)],
    );
    for (let inserted = 0; inserted < events; inserted += ORDERS_OF_BACKLOG) {
      await client.query(INSERT_ROUND, [inserted, JSON.stringify(SAMPLE_HEADERS), payloadBytes, events]);
    }
    await client.query('VACUUM ANALYZE outbox');
  });
}

const INSERT_ROUND = `
  WITH numbered AS (
    SELECT *, ('0199b000-0000-7000-8000-' || lpad(to_hex($1::bigint + position), 12, '0'))::uuid AS id
      FROM sample WHERE $1::bigint + position < $4::bigint
  ), written AS (
    SELECT *, replace(replace(payload, '${EVENT_ID_MARK}', id::text),
      '${VERSION_MARK}', ($1::bigint / ${ORDERS_OF_BACKLOG} + 1)::text) AS text
      FROM numbered
  )
  INSERT INTO outbox (key, key_hash, event_id, event_type, headers, payload)
  SELECT key, key_hash, id, 'order.updated', $2::jsonb, rpad(text, greatest(length(text), $3::int))
    FROM written ORDER BY position`;
