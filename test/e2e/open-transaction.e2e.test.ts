import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { encodeOrderEvent, keyHash } from '@order-events/messaging';
import { placeOrder } from '@order-events/domain';
import pg from 'pg';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

/** Appends the event of an order, in whatever transaction the client is in. */
async function append(client: pg.Client): Promise<{ orderId: string; version: number }> {
  const details = {
    customerId: 'c-1',
    currency: 'EUR',
    items: [{ sku: 'tea', quantity: 1, unitPriceMinor: 1 }],
  };
  const { order, events } = placeOrder(details, randomUUID(), { now: new Date(), eventId: randomUUID() });
  for (const event of events) {
    await client.query(
      'INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, $4, $5)',
      [order.orderId, keyHash(order.orderId), event.eventId, event.eventType, encodeOrderEvent(event)],
    );
  }
  return { orderId: order.orderId, version: 1 };
}

test('a transaction held open through everything delays its own event only; one rolled back publishes nothing', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const clients = [new pg.Client(databaseUrl), new pg.Client(databaseUrl)] as const;
  const [holder, quitter] = clients;
  for (const client of clients) {
    await client.connect();
    t.after(() => client.end());
    await client.query('BEGIN');
  }
  const held = await append(holder);
  await append(quitter);

  const api = await startApp(t, 'api', env.api);
  await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 4, changesPerSecond: 100 });
  await eventually(() => assert.ok(load.accepted.length > 200));
  await quitter.query('ROLLBACK');
  await load.stop();
  const events = await assertTopicHoldsAll({ databaseUrl, brokers, topic });
  assert.equal(events, load.accepted.length);
  assert.equal((await auditTopic(brokers, topic, [held])).missing, 1);

  await holder.query('COMMIT');
  assert.equal(await assertTopicHoldsAll({ databaseUrl, brokers, topic }), events + 1);
  assert.equal((await auditTopic(brokers, topic, [held])).missing, 0);
});
