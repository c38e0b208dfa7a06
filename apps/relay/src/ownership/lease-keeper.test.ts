import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AcquiredLease,
  CURSOR_AT_START,
  type Lease,
  type LeaseStore,
  type OwnershipView,
  type PartitionMode,
} from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { createWakeSignal } from '@order-events/runtime';
import { createLeaseKeeper, type LeaseKeeperOptions } from './lease-keeper.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function leaseOf(partition: number, epoch = 1n): AcquiredLease {
  return { partition, epoch, mode: 'running', checkpoint: { cursor: CURSOR_AT_START, logOffset: 0n } };
}

/** A database with `partitions` for one relay; `lost` are somebody else's, however much is asked. */
function fakeTables(partitions: number[]) {
  const epochs = new Map<number, bigint>();
  const tables = {
    owned: new Map<number, bigint>(),
    modes: new Map<number, PartitionMode>(),
    requests: [] as string[],
    view(asked: readonly { partition: number; epoch: bigint }[]): OwnershipView {
      const mode = (partition: number) => tables.modes.get(partition) ?? 'running';
      const ours = asked
        .filter(({ partition, epoch }) => tables.owned.get(partition) === epoch)
        .map(({ partition }) => ({ partition, mode: mode(partition) }));
      const available = partitions.filter((partition) => mode(partition) === 'running');
      const free = available.filter((partition) => !ours.some((one) => one.partition === partition));
      return {
        ours,
        locked: [],
        relays: 1,
        rank: 0,
        steady: 0,
        untold: 0,
        available: available.length,
        free: free.length,
      };
    },
  };
  const store: LeaseStore = {
    ensurePartitions: async (count) => count,
    renew: async (renewals) => tables.view(renewals),
    look: async (leases) => tables.view(leases),
    async acquire(limit, known) {
      const taken = partitions
        .filter((partition) => !known.some((one) => one.partition === partition))
        .filter((partition) => (tables.modes.get(partition) ?? 'running') === 'running');
      return taken.slice(0, limit).map((partition) => {
        const epoch = (epochs.get(partition) ?? 0n) + 1n;
        epochs.set(partition, epoch);
        tables.owned.set(partition, epoch);
        return leaseOf(partition, epoch);
      });
    },
    async release(renewals, { leaving }) {
      tables.requests.push(`release ${renewals.map(({ partition }) => partition).join()} ${leaving}`);
      for (const { partition } of renewals) tables.owned.delete(partition);
      return new Set(renewals.map(({ partition }) => partition));
    },
    goBack: async () => undefined,
  };
  return { tables, store };
}

function startKeeper(t: TestContext, store: LeaseStore, overrides: Partial<LeaseKeeperOptions> = {}) {
  const gained: Lease[] = [];
  const ended: number[] = [];
  const events: string[] = [];
  const signals = new Map<number, AbortSignal>();
  const leaseMs = overrides.leaseMs ?? 60_000;
  const keeper = createLeaseKeeper({
    store,
    log,
    changes: createWakeSignal(),
    observer: {
      moved(partition, { move, reason }) {
        if (move !== 'gained') events.push(`${move} ${partition} ${reason}`);
      },
      requestFailed: (kind) => events.push(`failed ${kind}`),
    },
    leaseMs,
    renewIntervalMs: 20,
    lookIntervalMs: 5,
    safetyMarginMs: leaseMs / 2,
    drainMs: 500,
    onGained(lease, signal) {
      gained.push(lease);
      signals.set(lease.partition, signal);
    },
    onLost: (partition) => ended.push(partition),
    onLocked() {},
    reach: () => 'steady',
    onGaveWay() {},
    checkpointOf: () => undefined,
    drain: async () => {},
    ...overrides,
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  const stopped = async () => {
    stop.abort();
    await running;
  };
  t.after(stopped);
  return { keeper, gained, ended, events, signals, stopped };
}

test('a lease that the tables do not know any more is lost, at once', async (t) => {
  const { tables, store } = fakeTables([0, 1]);
  const { gained, ended, events, signals } = startKeeper(t, store);
  await eventually(() => assert.equal(gained.length, 2));
  tables.modes.set(0, 'paused');
  tables.owned.delete(0);
  await eventually(() => assert.deepEqual(ended, [0]));
  assert.equal(signals.get(0)?.aborted, true);
  assert.equal(signals.get(1)?.aborted, false);
  assert.deepEqual(events, ['lost 0 expired']);
});

test('what is not to be trusted is let go of unstored, and taken again from where it is stored', async (t) => {
  const { tables, store } = fakeTables([0, 1]);
  const { keeper, gained, ended, signals } = startKeeper(t, store, {
    checkpointOf: () => ({ cursor: { snapshot: '9:9:' }, logOffset: 9n }),
  });
  await eventually(() => assert.equal(gained.length, 2));
  const before = [signals.get(0), signals.get(1)];
  keeper.distrust();
  assert.deepEqual(
    before.map((signal) => signal?.aborted),
    [true, true],
  );
  assert.deepEqual(ended, [0, 1]);
  await eventually(() => assert.equal(gained.length, 4));
  assert.deepEqual(
    gained.slice(2).map(({ epoch, checkpoint }) => [epoch, checkpoint.cursor]),
    [
      [2n, CURSOR_AT_START],
      [2n, CURSOR_AT_START],
    ],
  );
  assert.deepEqual(tables.requests, [], 'nothing was given back');
});

test('a partition that was lost begins anew when it is gained again', async (t) => {
  const { tables, store } = fakeTables([0]);
  const { gained, ended } = startKeeper(t, store);
  await eventually(() => assert.equal(gained.length, 1));
  tables.owned.clear();
  await eventually(() =>
    assert.deepEqual(
      gained.map((lease) => lease.epoch),
      [1n, 2n],
    ),
  );
  assert.deepEqual(ended, [0]);
});

test('leases that cannot be renewed stop being valid before they end, and are valid again afterwards', async (t) => {
  const { store } = fakeTables([0]);
  let away = false;
  const { keeper, gained, ended, events } = startKeeper(
    t,
    {
      ...store,
      async renew(...asked) {
        if (away) throw new Error('the database is away');
        return store.renew(...asked);
      },
    },
    { leaseMs: 200 },
  );
  assert.equal(keeper.validity(0).aborted, true, 'nothing is valid before the first lease');
  await eventually(() => assert.equal(gained.length, 1));
  const before = keeper.validity(0);
  assert.equal(before.aborted, false);
  away = true;
  await eventually(() => assert.equal(before.aborted, true));
  away = false;
  await eventually(() => assert.equal(keeper.validity(0).aborted, false));
  assert.equal(before.aborted, true, 'what was begun under the old validity stays ended');
  assert.deepEqual(ended, []);
  assert.ok(events.includes('failed renew'));
});

test('a renewal that hangs keeps no lease valid and does not keep the next one from being sent', async (t) => {
  const { store } = fakeTables([0]);
  let hangs = false;
  const { keeper, gained } = startKeeper(
    t,
    { ...store, renew: (...asked) => (hangs ? new Promise(() => {}) : store.renew(...asked)) },
    { leaseMs: 200 },
  );
  await eventually(() => assert.equal(gained.length, 1));
  hangs = true;
  await eventually(() => assert.equal(keeper.validity(0).aborted, true));
  hangs = false;
  await eventually(() => assert.equal(keeper.validity(0).aborted, false));
});

test('a partition that an operator pauses is drained, given back, and taken again once it runs', async (t) => {
  const { tables, store } = fakeTables([0, 1]);
  const drains: string[] = [];
  const { gained, events } = startKeeper(t, store, {
    drain: async (partition, until) => void drains.push(`${partition} ${until}`),
  });
  await eventually(() => assert.equal(gained.length, 2));
  tables.modes.set(0, 'paused');
  tables.modes.set(1, 'draining');
  await eventually(() => assert.deepEqual(events.sort(), ['released 0 paused', 'released 1 draining']));
  assert.deepEqual(drains, ['0 acknowledged', '1 window']);
  tables.modes.clear();
  await eventually(() => assert.equal(gained.length, 4));
});

test('when the relay stops everything is drained and given back in one statement', async (t) => {
  const { tables, store } = fakeTables([0, 4]);
  let finish = () => {};
  const underWay = new Promise<void>((resolve) => (finish = resolve));
  const { gained, ended, events, stopped } = startKeeper(t, store, { drain: () => underWay });
  await eventually(() => assert.equal(gained.length, 2));
  const end = stopped();
  finish();
  await end;
  await stopped();
  assert.deepEqual(tables.requests, ['release 0,4 true']);
  assert.deepEqual(events, ['released 0 stopping', 'released 4 stopping']);
  assert.deepEqual(ended, [0, 4]);
});

test('a partition that does not drain keeps neither the others nor the process', async (t) => {
  const { tables, store } = fakeTables([0, 4]);
  const { keeper, gained, ended, signals, stopped } = startKeeper(t, store, {
    drainMs: 200,
    drain: (partition) => (partition === 0 ? new Promise(() => {}) : Promise.resolve()),
  });
  await eventually(() => assert.equal(gained.length, 2));
  const end = stopped();
  await eventually(() => assert.deepEqual(ended, [4]));
  assert.equal(keeper.validity(0).aborted, false, 'what is under way may still be finished');
  await end;
  assert.equal(keeper.validity(0).aborted, true);
  assert.deepEqual(tables.requests, ['release 4 true']);
  assert.equal(signals.get(0)?.aborted, true);
});

for (const request of ['look', 'renew'] as const) {
  test(`what happens while a ${request} is under way is not undone by its answer`, async (t) => {
    const { tables, store } = fakeTables([0]);
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    let answer = () => {};
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    let gated = false;
    const gate = async () => {
      if (!gated) return;
      asked();
      await mayAnswer;
    };
    const { gained, stopped } = startKeeper(t, {
      ...store,
      async look(leases) {
        const view = await store.look(leases);
        if (request === 'look') await gate();
        return view;
      },
      async renew(...asked) {
        const view = await store.renew(...asked);
        if (request === 'renew') await gate();
        return view;
      },
    });
    await eventually(() => assert.equal(gained.length, 1));
    gated = true;
    await isAsked;
    const end = stopped();
    answer();
    await end;
    assert.deepEqual(tables.requests, ['release 0 true']);
    assert.equal(gained.length, 1);
  });
}
