import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createPool } from '@order-events/database';
import type pg from 'pg';
import { createTestDatabase, eventually } from '../../../../test/harness/index.ts';
import { changeOrder, createHotOrders } from '../../testing/outbox-workload.ts';
import { type Cursor, parseSnapshot } from '../cursor.ts';
import { createOutboxReader } from './outbox-reader.ts';
import { OUTBOX_PLANS } from './outbox-session.ts';

/** Longer than the probe is believed. */
const LATER_MS = 1000;

/** Its clock stands still unless it is told to go on, so that nothing is found by waiting. */
async function setup(t: TestContext, options: { throughPooler?: boolean } = {}) {
  const { url } = await createTestDatabase(t);
  const open = (maxConnections: number) => {
    const pool = createPool({
      url,
      applicationName: 'probe test',
      maxConnections,
      onConnectionError: () => {},
    });
    t.after(() => pool.end());
    return pool;
  };
  const pool = open(3);
  const [orderId = '', other = ''] = await createHotOrders(pool, 2);
  const readerPool = createPool({
    url,
    applicationName: 'probe test reader',
    maxConnections: 1,
    settings: OUTBOX_PLANS,
    onConnectionError: () => {},
  });
  t.after(() => readerPool.end());
  const clock = { nowMs: 5000 };
  const reader = createOutboxReader({
    ...options,
    pool: readerPool,
    partitionCount: 1,
    limits: { rows: 100, bytes: 100_000 },
    monotonicMs: () => clock.nowMs,
  });
  let cursor: Cursor = { snapshot: await snapshotOf(pool) };
  /** Versions that the next look brings. */
  async function read(): Promise<number[]> {
    const [page] = await reader.read([{ cursor, partitions: [0] }]);
    assert.ok(page);
    cursor = page.next;
    return page.events.map(({ payload }) => (JSON.parse(payload) as { version: number }).version);
  }
  /**
   * A snapshot has what is in progress in every database of the server, and the outbox is looked at once more when that ends. So a test
   * that counts on a probe looks until the last look had nobody beside it.
   */
  async function readAlone(): Promise<void> {
    await eventually(async () => {
      assert.deepEqual(await read(), []);
      assert.deepEqual(parseSnapshot(cursor.snapshot).inProgress, []);
    });
  }
  return { pool, readerPool, orderId, other, clock, read, readAlone };
}

async function snapshotOf(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ snapshot: string }>('SELECT pg_current_snapshot()::text AS snapshot');
  return rows[0]?.snapshot ?? '';
}

/** Gives an id away, as leases do that are renewed. */
const spendTransactionId = (pool: pg.Pool) => pool.query('SELECT pg_current_xact_id()');

for (const throughPooler of [false, true]) {
  test(`a look when nothing came opens no table of the outbox, ${throughPooler ? 'through a pooler' : 'with prepared statements'}`, async (t) => {
    const { pool, orderId, read, readAlone } = await setup(t, { throughPooler });
    assert.deepEqual(await read(), []);
    await changeOrder(pool, orderId);
    assert.deepEqual(await read(), [1]);
    await readAlone();
    const holder = await pool.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE');
      // It would wait for the lock, and in vain.
      for (let look = 0; look < 3; look += 1) {
        await spendTransactionId(pool);
        assert.deepEqual(await read(), []);
      }
    } finally {
      holder.release(true);
    }
    await changeOrder(pool, orderId);
    assert.deepEqual(await read(), [2]);
  });
}

test('the very first event of an outbox is found, though its number was there before', async (t) => {
  const { pool, orderId, read } = await setup(t);
  assert.deepEqual(await read(), []);
  assert.deepEqual(await read(), []);
  await changeOrder(pool, orderId);
  assert.deepEqual(await read(), [1]);
});

for (const ending of ['COMMIT', 'COMMIT PREPARED']) {
  test(`${ending} of a transaction that was open at the last look is found, though no number was drawn since`, async (t) => {
    const { pool, orderId, other, read } = await setup(t);
    const name = `early-${orderId}`;
    const early = await pool.connect();
    try {
      await early.query('BEGIN');
      await changeOrder(early, orderId);
      if (ending === 'COMMIT PREPARED') await early.query(`PREPARE TRANSACTION '${name}'`);
      await changeOrder(pool, other);
      assert.deepEqual(await read(), [1]);
      assert.deepEqual(await read(), []);
      await early.query(ending === 'COMMIT' ? ending : `${ending} '${name}'`);
      assert.deepEqual(await read(), [1]);
      assert.deepEqual(await read(), []);
    } finally {
      early.release(true);
    }
  });
}

test('an event that is written while the outbox is being read is found by the next look', async (t) => {
  const { pool, readerPool, orderId, read } = await setup(t);
  let written = 0;
  afterEachAnswer(readerPool, 'outbox_near', async () => {
    if (written < 3) written = await changeOrder(pool, orderId);
  });
  // Each is written after the snapshot of a look and before its answer.
  for (const versions of [[], [1], [2], [3], []]) assert.deepEqual(await read(), versions);
});

test('an event with a number of its own making is found within a second', async (t) => {
  const { pool, clock, read, readAlone } = await setup(t);
  await readAlone();
  await pool.query(
    `INSERT INTO outbox (seq, key, key_hash, event_id, event_type, payload)
     VALUES (77, 'order', 0, gen_random_uuid(), 'order.updated', '{"version":77}')`,
  );
  assert.deepEqual(await read(), []);
  clock.nowMs += LATER_MS;
  assert.deepEqual(await read(), [77]);
});

test('while events flow the outbox is read without a probe, and nothing is missed when they end', async (t) => {
  const { pool, readerPool, orderId, read } = await setup(t);
  let probes = 0;
  afterEachAnswer(readerPool, 'outbox_number', () => Promise.resolve((probes += 1)));
  for (let version = 1; version <= 10; version += 1) {
    await changeOrder(pool, orderId);
    assert.deepEqual(await read(), [version]);
  }
  assert.equal(probes, 2);
  assert.deepEqual(await read(), []);
  await changeOrder(pool, orderId);
  assert.deepEqual(await read(), [11]);
  assert.deepEqual(await read(), []);
});

/** Does something between the answer to a prepared statement and whoever waits for it; for connections that are not open yet. */
function afterEachAnswer(pool: pg.Pool, statement: string, act: () => Promise<unknown>): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (config: pg.QueryConfig) => Promise<unknown>;
    const queryAndAct = async (config: pg.QueryConfig) => {
      const answer = await query(config);
      if (config.name?.startsWith(statement)) await act();
      return answer;
    };
    client.query = queryAndAct as typeof client.query;
  });
}
