import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type OrderFilter, OrderStatus, type OrderWatch, watchOrders } from '@order-events/order-stream';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';

const HOUR_MS = 3_600_000;

/** Its clock, and that of no other process, is off; the monotonic one is not. */
const clockOffBy = (ms: number) => {
  const shift = `const D=Date;globalThis.Date=class extends D{constructor(...a){super(...(a.length?a:[D.now()+${ms}]))}static now(){return D.now()+${ms}}}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
};

interface Write {
  readonly orderId: string;
  readonly position: string;
}

/** Places an order that nobody waits for; `lines` make it larger than Kafka takes. */
async function placeOrder(apiUrl: string, lines = 1): Promise<Write> {
  const items = Array.from({ length: lines }, (_, line) => ({
    sku: `sku-${line}`,
    quantity: 1,
    unit_price_minor: 100,
  }));
  const response = await fetch(`${apiUrl}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customer_id: 'c-1', currency: 'EUR', items }),
  });
  assert.equal(response.status, 201);
  const { order_id: orderId } = (await response.json()) as { order_id: string };
  return { orderId, position: response.headers.get('write-position') ?? assert.fail('no position') };
}

interface Watched {
  readonly watch: OrderWatch;
  readonly seen: ReadonlySet<string>;
  /** What is complete, in milliseconds of the database; 0 while that is not known. */
  throughMs(): number;
  /** The same after each heartbeat. */
  readonly afterHeartbeats: readonly number[];
}

/** Watches, and holds every time that is told against what was seen until then. */
function startWatching(
  t: TestContext,
  address: () => string,
  writes: readonly Write[],
  filter: Partial<OrderFilter> = {},
): Watched {
  const stop = new AbortController();
  const watch = watchOrders({ address, filter, heartbeatIntervalMs: 1_000, signal: stop.signal });
  const seen = new Set<string>();
  const afterHeartbeats: number[] = [];
  let throughMs = 0;
  const iterate = async () => {
    for await (const { events, signal } of watch) {
      for (const { orderId } of events) seen.add(orderId);
      const told = signal?.$case === 'heartbeat' || signal?.$case === 'caughtUp' ? signal.value : undefined;
      const toldMs = told?.completeThroughTime?.getTime();
      throughMs = Math.max(throughMs, toldMs ?? 0);
      if (signal?.$case === 'heartbeat') afterHeartbeats.push(throughMs);
      if (toldMs === undefined) continue;
      if (filter.statuses) continue;
      const missing = writes.filter(
        ({ orderId, position }) => Number(position.split('.')[0]) <= toldMs && !seen.has(orderId),
      );
      assert.deepEqual(missing, [], 'promised, and not delivered');
    }
  };
  const iterating = iterate();
  t.after(async () => {
    stop.abort();
    await iterating;
  });
  return { watch, seen, throughMs: () => throughMs, afterHeartbeats };
}

test('a stream says up to which time it is complete, through kills and hand-overs, and says no more while something is held back', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  t.after(() => pool.end());
  const { brokers, topic } = await createTestTopic(t, {
    partitions: 3,
    config: { 'max.message.bytes': '4096' },
  });
  const system = {
    ...{ databaseUrl, brokers, topic },
    env: { RELAY_LEASE_MS: '3000' },
    envOf: {
      api: clockOffBy(-HOUR_MS),
      relay: clockOffBy(HOUR_MS),
      'stream-gateway': clockOffBy(-HOUR_MS),
    },
  };
  const { api, relay, gateway } = await startOrderApps(t, system);
  const writes: Write[] = [];
  const all = startWatching(t, () => gateway.urls.grpc, writes);
  const none = startWatching(t, () => gateway.urls.grpc, writes, { statuses: [OrderStatus.DELIVERED] });
  const write = async (lines?: number) => {
    const one = await placeOrder(api.urls.http, lines);
    writes.push(one);
    return one;
  };
  const nowMs = async () => {
    const { rows } = await pool.query<{ ms: number }>(
      `SELECT date_part('epoch', clock_timestamp()) * 1000 AS ms`,
    );
    return rows[0]?.ms ?? assert.fail('no time');
  };
  const soon = () => AbortSignal.timeout(20_000);
  /** Everything up to this moment is said to be complete, soon. */
  const completes = async () => {
    const ms = await nowMs();
    await eventually(() => assert.ok(all.throughMs() > ms && none.throughMs() > ms));
    assert.ok(all.throughMs() < (await nowMs()), "the time is the database's, whatever the clocks of others");
  };
  /** Answers after three heartbeats that have said nothing new. */
  const standsStill = async () => {
    const from = all.afterHeartbeats.length;
    return eventually(() => {
      const last = all.afterHeartbeats.slice(from).slice(-4);
      assert.equal(last.length, 4);
      assert.equal(new Set(last).size, 1);
      return all.throughMs();
    });
  };

  await t.test('also while nothing happens', async () => {
    await completes();
    await completes();
  });

  await t.test('a write can be waited for, also where the filter keeps its event back', async () => {
    const { position } = await write();
    await Promise.all([all.watch.waitFor(position, soon()), none.watch.waitFor(position, soon())]);
    assert.equal(all.seen.size, 1);
    assert.equal(none.seen.size, 0);
  });

  await t.test('an open transaction keeps nothing back but itself', async () => {
    const open = await pool.connect();
    await open.query('BEGIN; SELECT pg_current_xact_id()');
    const { position } = await write();
    await none.watch.waitFor(position, soon());
    await completes();
    await open.query('ROLLBACK');
    open.release();
  });

  let running = relay;
  await t.test('it stands still while no relay runs, and goes on with the next one', async () => {
    running.kill('SIGKILL');
    await running.exited;
    const { position } = await write();
    await standsStill();
    await assert.rejects(none.watch.waitFor(position, AbortSignal.timeout(1)), /abort|timeout/i);
    running = await startApp(t, 'relay', appEnv(system).relay);
    await none.watch.waitFor(position, soon());
    await completes();
  });

  await t.test('it goes on while partitions are handed over, under load', async () => {
    const second = await startApp(t, 'relay', appEnv(system).relay);
    const stop = new AbortController();
    const load = (async () => {
      while (!stop.signal.aborted) await write();
    })();
    try {
      await completes();
      running.kill('SIGTERM');
      await running.exited;
      running = second;
      await completes();
    } finally {
      stop.abort();
      await load;
    }
  });

  await t.test('it stands still while a partition is paused', async () => {
    await pool.query(`UPDATE relay_partition SET mode = 'paused' WHERE partition = 1`);
    const atMs = await standsStill();
    await pool.query(`UPDATE relay_partition SET mode = 'running'`);
    await completes();
    assert.ok(all.throughMs() > atMs);
  });

  await t.test('it stands still while an event is parked', async () => {
    const { orderId, position } = await write(100);
    await eventually(async () => {
      const { rows } = await pool.query('SELECT FROM parked_event WHERE key = $1', [orderId]);
      assert.equal(rows.length, 1);
    });
    await standsStill();
    await assert.rejects(none.watch.waitFor(position, AbortSignal.timeout(1)), /abort|timeout/i);
    writes.pop();
    await pool.query('DELETE FROM parked_event');
    await completes();
  });
});
