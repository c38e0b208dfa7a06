import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createWakeUpListener } from '@order-events/database';
import { type Checkpoint, createLeaseStore, type LeaseStore } from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../../test/harness/index.ts';
import { createWakeSignal } from '@order-events/runtime';
import type { KafkaReach } from './kafka-reach.ts';
import { createLeaseKeeper } from './lease-keeper.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const PARTITIONS = 12;
const LEASE_MS = 6000;

/** A database with partitions; the relays on it stop before its pool ends. */
async function openTables(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const relays: Relay[] = [];
  t.after(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await pool.end();
  });
  await createLeaseStore({ pool, owner: 'setup', leaseMs: LEASE_MS }).ensurePartitions(PARTITIONS);
  return {
    url,
    pool,
    relays,
    /** By the owners' ids: who has one more than others is a part of what is fair. */
    async shares() {
      const { rows } = await pool.query<{ partitions: bigint }>(
        'SELECT count(*) AS partitions FROM relay_partition WHERE owner IS NOT NULL GROUP BY owner ORDER BY owner',
      );
      return rows.map((row) => Number(row.partitions));
    },
    /** How often partitions have changed hands. */
    async moves() {
      const { rows } = await pool.query<{ moves: string }>(
        'SELECT sum(epoch)::text AS moves FROM relay_partition',
      );
      return Number(rows[0]?.moves);
    },
  };
}

type Tables = Pick<Awaited<ReturnType<typeof openTables>>, 'url' | 'pool' | 'relays'>;

interface Relay {
  stop(): Promise<void>;
  /** Renews, takes and gives back nothing any more. */
  kill(): void;
  looks(): number;
  owned(): number;
  reaches(reach: KafkaReach): void;
}

/** A relay without its publishing. */
function startRelay({ pool, url, relays }: Tables, owner: string): Relay {
  const store = createLeaseStore({ pool, owner, leaseMs: LEASE_MS });
  let killed = false;
  let looks = 0;
  const orDead = <A extends unknown[], R>(ask: (...args: A) => Promise<R>) => {
    return (...args: A) => (killed ? new Promise<never>(() => {}) : ask(...args));
  };
  const mortal: LeaseStore = {
    ensurePartitions: store.ensurePartitions,
    renew: orDead(store.renew),
    look: orDead((...asked) => {
      looks += 1;
      return store.look(...asked);
    }),
    acquire: orDead(store.acquire),
    release: orDead(store.release),
    goBack: orDead(store.goBack),
  };
  let reach: KafkaReach = 'steady';
  const owned = new Map<number, Checkpoint>();
  const changes = createWakeSignal();
  const listener = createWakeUpListener({ url, log, onWakeUp: () => changes.wake() });
  const keeper = createLeaseKeeper({
    store: mortal,
    log,
    changes,
    observer: { moved: () => {}, requestFailed: () => {} },
    leaseMs: LEASE_MS,
    renewIntervalMs: LEASE_MS / 3,
    lookIntervalMs: 200,
    safetyMarginMs: LEASE_MS / 3,
    drainMs: 500,
    onGained: ({ partition, checkpoint }) => owned.set(partition, checkpoint),
    onLocked() {},
    onGaveWay() {},
    reach: () => reach,
    onLost: (partition) => owned.delete(partition),
    checkpointOf: (partition) => owned.get(partition),
    drain: async () => {},
  });
  const stopping = new AbortController();
  const running = Promise.all([listener.start(stopping.signal), keeper.run(stopping.signal)]);
  const stop = async () => {
    stopping.abort();
    await running;
    await listener.stop();
  };
  const relay = {
    stop,
    kill: () => (killed = true),
    looks: () => looks,
    owned: () => owned.size,
    reaches: (next: KafkaReach) => void (reach = next),
  };
  relays.push(relay);
  return relay;
}

function startRelays(tables: Tables, count: number): Relay[] {
  return Array.from({ length: count }, (_, index) => startRelay(tables, `relay ${index}`));
}

function millisecondsSince(startMs: number): number {
  return Math.round(performance.now() - startMs);
}

test('relays that start at once share the partitions evenly, and then nothing moves any more', async (t) => {
  const tables = await openTables(t);
  const startedAtMs = performance.now();
  const relays = startRelays(tables, 5);
  await eventually(async () => assert.deepEqual(await tables.shares(), [3, 3, 2, 2, 2]));
  const moves = await tables.moves();
  t.diagnostic(`${moves} acquisitions of ${PARTITIONS} partitions in ${millisecondsSince(startedAtMs)} ms`);
  const looksBefore = relays.map((relay) => relay.looks());
  await eventually(() => {
    for (const [index, relay] of relays.entries()) assert.ok(relay.looks() >= looksBefore[index]! + 10);
  });
  assert.equal(await tables.moves(), moves);
});

test('a relay that joins gets its share, one that stops leaves its own to the others, and the rest stays where it is', async (t) => {
  const tables = await openTables(t);
  const [first, second] = startRelays(tables, 2);
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]));
  const before = await tables.moves();

  const joinedAtMs = performance.now();
  const third = startRelay(tables, 'relay 2');
  await eventually(async () => assert.deepEqual(await tables.shares(), [4, 4, 4]));
  t.diagnostic(`the third had its share after ${millisecondsSince(joinedAtMs)} ms`);
  assert.equal((await tables.moves()) - before, 4, 'no more moved than had to');

  await third.stop();
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]));
  await first?.stop();
  await eventually(async () => assert.deepEqual(await tables.shares(), [12]));
  await second?.stop();
  assert.deepEqual(await tables.shares(), []);
  const { rows } = await tables.pool.query('SELECT id FROM relay_instance');
  assert.deepEqual(rows, []);
});

test('what a killed relay owned is taken when its leases are over', async (t) => {
  const tables = await openTables(t);
  const [first] = startRelays(tables, 3);
  await eventually(async () => assert.deepEqual(await tables.shares(), [4, 4, 4]));
  const killedAtMs = performance.now();
  first!.kill();
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]), {
    deadlineMs: LEASE_MS + 10_000,
  });
  t.diagnostic(`taken ${millisecondsSince(killedAtMs)} ms after the kill; a lease lasts ${LEASE_MS} ms`);
});

test('without notifications everything is found by looking', async (t) => {
  const tables = await openTables(t);
  // Nobody hears of anything: a channel is of one database.
  const deaf = { ...tables, url: (await createTestDatabase(t)).url };
  const [first] = startRelays(deaf, 2);
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]));
  await tables.pool.query(`UPDATE relay_partition SET mode = 'paused' WHERE partition < 2`);
  await eventually(async () => assert.deepEqual(await tables.shares(), [5, 5]));
  await first!.stop();
  await eventually(async () => assert.deepEqual(await tables.shares(), [10]));
});

test('a relay that is cut off from Kafka leaves everything to those that reach it, and has its share again afterwards', async (t) => {
  const tables = await openTables(t);
  const [first, second, third] = startRelays(tables, 3);
  await eventually(async () => assert.deepEqual(await tables.shares(), [4, 4, 4]));
  first!.reaches('cut off');
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]));
  second!.reaches('cut off');
  await eventually(async () => assert.deepEqual(await tables.shares(), [12]));
  assert.deepEqual([first!.owned(), second!.owned()], [0, 0]);

  const before = await tables.moves();
  // The last that reached it keeps everything, and so do all when it comes and goes.
  third!.reaches('cut off');
  for (const relay of [first!, second!]) relay.reaches('unsteady');
  const looksBefore = third!.looks();
  await eventually(() => assert.ok(third!.looks() >= looksBefore + 20));
  assert.equal(await tables.moves(), before);
  for (const relay of [first!, second!, third!]) relay.reaches('steady');
  await eventually(async () => assert.deepEqual(await tables.shares(), [4, 4, 4]));
});

test('nothing moves while no relay reaches Kafka, nor beside one that does not tell', async (t) => {
  const tables = await openTables(t);
  const relays = startRelays(tables, 2);
  await eventually(async () => assert.deepEqual(await tables.shares(), [6, 6]));
  const before = await tables.moves();
  const afterManyLooks = async () => {
    const looksBefore = relays.map((relay) => relay.looks());
    await eventually(() => {
      for (const [index, relay] of relays.entries()) assert.ok(relay.looks() >= looksBefore[index]! + 20);
    });
    assert.equal(await tables.moves(), before);
  };
  for (const relay of relays) relay.reaches('unsteady');
  await eventually(async () => {
    const { rows } = await tables.pool.query(`SELECT FROM relay_instance WHERE kafka_reach = 'unsteady'`);
    assert.equal(rows.length, 2);
  });
  for (const relay of relays) relay.reaches('cut off');
  await afterManyLooks();

  // A relay of the version before: it takes its share, and would take no more of what is given away.
  for (const relay of relays) relay.reaches('steady');
  const former = createLeaseStore({ pool: tables.pool, owner: 'former', leaseMs: LEASE_MS });
  const untilBesideFormer = (probe: () => void | Promise<void>) =>
    eventually(async () => {
      await former.renew([], { alive: true });
      await probe();
    });
  await untilBesideFormer(async () => assert.deepEqual(await tables.shares(), [4, 4]));
  relays[0]!.reaches('cut off');
  const looksBefore = relays[0]!.looks();
  await untilBesideFormer(() => assert.ok(relays[0]!.looks() >= looksBefore + 10));
  assert.deepEqual(await tables.shares(), [4, 4]);
});
