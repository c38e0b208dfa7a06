import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { createDeliveryRecord } from '../../../../tools/load/delivery-record.ts';
import {
  type DeliveredEvent,
  oldestTransactionGate,
  type ReadNew,
  sequenceCursor,
  snapshotDifferenceByTransaction,
} from '../../testing/faulty-readers.ts';
import { changeOrder, createHotOrders, runWriters } from '../../testing/outbox-workload.ts';
import { CURSOR_AT_START, type Cursor } from '../cursor.ts';
import { createOutboxReader, type OutboxPage } from './outbox-reader.ts';

const PARTITIONS = 12;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** Pages so small that most windows are cut. */
const SMALL_PAGES = { rows: 7, bytes: 400 };
const ENOUGH_EVENTS = 2000;
/** Most windows are read by one near look. */
const LARGE_PAGES = { rows: 1000, bytes: 1_000_000 };

/** Its clock stands still: a probe of the numbers that says that nothing came is believed for ever, so it must never be wrong. */
function relayReader(pool: pg.Pool, limits = SMALL_PAGES, remember = (cursor: Cursor) => cursor): ReadNew {
  const reader = createOutboxReader({ pool, partitionCount: PARTITIONS, limits, monotonicMs: () => 0 });
  let cursor: Cursor = CURSOR_AT_START;
  return async () => {
    const delivered: DeliveredEvent[] = [];
    let page: OutboxPage | undefined;
    do {
      // A window that is still being measured has no page yet.
      [page] = await reader.read([{ cursor, partitions: ALL }]);
      if (!page) continue;
      cursor = remember(page.next);
      for (const event of page.events) {
        const { order_id: orderId, version } = JSON.parse(event.payload) as {
          order_id: string;
          version: number;
        };
        delivered.push({ orderId, version });
      }
    } while (!page || cursor.page);
    return delivered;
  };
}

/** A cursor that forgets who was in progress. */
function withoutThoseInProgress(cursor: Cursor): Cursor {
  return cursor.page ? cursor : { snapshot: cursor.snapshot.replace(/[\d,]*$/, '') };
}

async function openDatabase(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  t.after(() => pool.end());
  return { url, pool };
}

async function committedEvents(pool: pg.Pool): Promise<DeliveredEvent[]> {
  const { rows } = await pool.query<{ order_id: string; version: number }>(
    `SELECT payload::json->>'order_id' AS order_id, (payload::json->>'version')::int AS version FROM outbox`,
  );
  return rows.map((row) => ({ orderId: row.order_id, version: row.version }));
}

test('whatever overlaps, the relay reads every committed event once and in order per order; four other rules do not', async (t) => {
  const { url, pool } = await openDatabase(t);
  const orderIds = await createHotOrders(pool, 20);
  const readers = {
    'relay, in pages': relayReader(pool),
    'relay, by near looks': relayReader(pool, LARGE_PAGES),
    'without those in progress': relayReader(pool, LARGE_PAGES, withoutThoseInProgress),
    'sequence cursor': sequenceCursor(pool),
    'oldest transaction gate': oldestTransactionGate(pool),
    'snapshot difference by transaction': snapshotDifferenceByTransaction(pool),
  };
  const records = Object.entries(readers).map(([name, read]) => ({
    name,
    read,
    record: createDeliveryRecord(),
  }));
  /** Answers what the first reader got. */
  const readAll = async () => {
    const counts: number[] = [];
    for (const { read, record } of records) {
      const events = await read();
      counts.push(events.length);
      for (const event of events) record.deliver(event);
    }
    return counts[0] ?? 0;
  };

  const stop = new AbortController();
  const written = runWriters(url, orderIds, 24, stop.signal, { prepared: 5 });
  let readEvents = 0;
  while (readEvents < ENOUGH_EVENTS) {
    readEvents += await readAll();
    await pause(Math.random() * 8);
  }
  stop.abort();
  await written;
  await readAll();

  const committed = await committedEvents(pool);
  const verdicts = new Map(records.map(({ name, record }) => [name, record.verdict(committed)]));
  t.diagnostic(`${committed.length} events; ${JSON.stringify(Object.fromEntries(verdicts))}`);
  for (const name of ['relay, in pages', 'relay, by near looks']) {
    assert.deepEqual(verdicts.get(name), { missing: 0, duplicated: 0, outOfOrder: 0 }, name);
  }
  assert.ok((verdicts.get('sequence cursor')?.missing ?? 0) > 0);
  assert.ok((verdicts.get('without those in progress')?.missing ?? 0) > 0);
  // It stands still while any transaction of the server is open, such as another test's.
  const gate = verdicts.get('oldest transaction gate');
  assert.ok((gate?.outOfOrder ?? 0) + (gate?.missing ?? 0) > 0);
  assert.ok((verdicts.get('snapshot difference by transaction')?.outOfOrder ?? 0) > 0);
});

test('a transaction held open delays its own event only', async (t) => {
  const { url, pool } = await openDatabase(t);
  const [held = '', other = ''] = await createHotOrders(pool, 2);
  const read = relayReader(pool);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  await client.query('BEGIN');
  await changeOrder(client, held);

  for (let version = 1; version <= 20; version++) {
    await changeOrder(pool, other);
    assert.deepEqual(await read(), [{ orderId: other, version }]);
  }
  await client.query('COMMIT');
  assert.deepEqual(await read(), [{ orderId: held, version: 1 }]);
  assert.deepEqual(await read(), []);
});

test('a rolled-back transaction, and a savepoint rolled back, leave nothing to read', async (t) => {
  const { pool } = await openDatabase(t);
  const [orderId = ''] = await createHotOrders(pool, 1);
  const read = relayReader(pool);
  const client = await pool.connect();
  await client.query('BEGIN');
  await changeOrder(client, orderId);
  await client.query('ROLLBACK');
  assert.deepEqual(await read(), []);

  await client.query('BEGIN');
  await client.query('SAVEPOINT attempt');
  await changeOrder(client, orderId);
  await client.query('ROLLBACK TO SAVEPOINT attempt');
  await changeOrder(client, orderId);
  await client.query('COMMIT');
  client.release();
  assert.deepEqual(await read(), [{ orderId, version: 1 }]);
});

test('of two transactions the one that got its id first may change the order last', async (t) => {
  const { pool } = await openDatabase(t);
  const [orderId = ''] = await createHotOrders(pool, 1);
  const read = relayReader(pool, LARGE_PAGES);
  const mutant = snapshotDifferenceByTransaction(pool);
  const early = await pool.connect();
  await early.query('BEGIN');
  await early.query('SELECT pg_current_xact_id()');
  await changeOrder(pool, orderId);
  await changeOrder(early, orderId);
  await early.query('COMMIT');
  early.release();
  const versions = (events: DeliveredEvent[]) => events.map((event) => event.version);
  assert.deepEqual(versions(await read()), [1, 2]);
  assert.deepEqual(versions(await mutant()), [2, 1]);
});
