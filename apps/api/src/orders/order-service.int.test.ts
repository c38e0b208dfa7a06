import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createDatabase, createPool, type Database, type Transaction } from '@order-events/database';
import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { storedEvents } from '../../testing/order-client.ts';
import { createApiMetrics } from '../api-metrics.ts';
import { createIdempotencyStore } from './idempotency-store.ts';
import { ANYBODY } from './caller.ts';
import { createOrderService } from './order-service.ts';
import { createOrderStore, type StoredOrderWrite } from './order-store.ts';
import { createOutboxWriter, type OutboxWriter } from './outbox-writer.ts';

const DETAILS = {
  customerId: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unitPriceMinor: 450 }],
};
const REQUEST = { caller: ANYBODY, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

async function setup(t: TestContext, wakeRelay: () => void) {
  const { url } = await createTestDatabase(t);
  const pool = createPool({ url, applicationName: 'test', maxConnections: 2, onConnectionError: () => {} });
  t.after(() => pool.end());
  const warnings: string[] = [];
  const registry = createMetricsRegistry('api', '0');
  const destination = { write: (line: string) => void warnings.push(line) };
  const log = createLogger({ service: 'test', level: 'warn', destination });
  const service = createOrderService({
    database: createDatabase(pool, { ownSessions: true }),
    orders: createOrderStore(),
    outbox: createOutboxWriter(),
    idempotency: createIdempotencyStore(),
    wakeRelay,
    metrics: createApiMetrics(registry),
    log,
  });
  return { service, pool, warnings, registry };
}

test('the relay is woken when the change can be seen, and not for one that was refused', async (t) => {
  const seen: Promise<number>[] = [];
  const { service, pool } = await setup(t, () => seen.push(storedEvents(pool).then((rows) => rows.length)));
  const { order } = await service.place(DETAILS, REQUEST);
  assert.deepEqual([order.version, order.totalMinor], [1, 900]);
  await assert.rejects(
    service.changeStatus(order.orderId, 'shipped', REQUEST),
    /cannot go from pending to shipped/,
  );
  await assert.rejects(service.changeStatus(randomUUID(), 'confirmed', REQUEST), /there is no order/);
  await service.changeStatus(order.orderId, 'confirmed', REQUEST);
  assert.deepEqual(await Promise.all(seen), [1, 2]);
});

test("times of an order are the database's, and never go back", async (t) => {
  const { service, pool } = await setup(t, () => {});
  t.mock.timers.enable({ apis: ['Date'], now: new Date('2001-01-01T00:00:00Z') });
  const { order } = await service.place(DETAILS, REQUEST);
  assert.ok(order.createdAt.getTime() > Date.parse('2020-01-01'), 'not of this host');
  assert.deepEqual(order.updatedAt, order.createdAt);
  const ahead = new Date('2100-01-01T00:00:00.123Z');
  await pool.query('UPDATE orders SET updated_at = $1', [ahead]);
  const { order: changed } = await service.changeStatus(order.orderId, 'confirmed', REQUEST);
  assert.deepEqual([changed.createdAt, changed.updatedAt], [order.createdAt, ahead]);
  assert.deepEqual(await service.get(order.orderId, ANYBODY), changed);
  const told = (await storedEvents(pool)).map(({ event }) => event);
  assert.deepEqual(
    told.map((event) => [event.occurredAt, event.order]),
    [
      [order.createdAt, order],
      [ahead, changed],
    ],
  );
});

test('events are counted when they are committed', async (t) => {
  const { service, pool, registry } = await setup(t, () => {});
  await pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.customer_id = 'refused') EXECUTE FUNCTION refuse()`);
  await assert.rejects(service.place({ ...DETAILS, customerId: 'refused' }, REQUEST), /no/);
  await service.place(DETAILS, REQUEST);
  const counted = await registry.getSingleMetric('outbox_appended_total')?.get();
  assert.deepEqual(
    counted?.values.map(({ value }) => value),
    [1],
  );
});

test('a relay that cannot be woken is a warning, not an error of the order', async (t) => {
  const { service, pool, warnings } = await setup(t, () => {
    throw new Error('no connection');
  });
  const { order } = await service.place(DETAILS, REQUEST);
  assert.deepEqual(await service.get(order.orderId, ANYBODY), order);
  assert.equal((await storedEvents(pool)).length, 1);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /no connection/);
});

const ABOUT = { traceparent: '' };

/** Checked by the compiler, not run: an event cannot be appended without a transaction, nor without the write of its order. */
export function appendTakesATransactionAndAWrite(
  { append }: OutboxWriter,
  transaction: Transaction,
  database: Database,
  write: StoredOrderWrite,
): Promise<void>[] {
  return [
    append(transaction, write, ABOUT),
    // @ts-expect-error A database is no transaction.
    append(database, write, ABOUT),
    // @ts-expect-error What the domain decided is not what the store wrote.
    append(transaction, { order: write.order, events: write.events }, ABOUT),
  ];
}
