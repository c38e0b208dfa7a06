import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { CURSOR_AT_START } from '../outbox/cursor.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import type { Lease, LeaseStore } from './lease-store.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function leaseOf(partition: number, epoch = 1n): Lease {
  return { partition, epoch, checkpoint: { cursor: CURSOR_AT_START, logOffset: 0n } };
}

function setup(t: TestContext, store: Partial<LeaseStore>, leaseMs = 60_000) {
  const gained: Lease[] = [];
  const lost: number[] = [];
  const signals = new Map<number, AbortSignal>();
  const release = mock.fn(async () => {});
  const keeper = createLeaseKeeper({
    store: {
      ensurePartitions: async (count) => count,
      acquireFree: async () => [],
      renew: async (renewals) => new Set(renewals.map((renewal) => renewal.partition)),
      release,
      ...store,
    },
    log,
    leaseMs,
    renewIntervalMs: 5,
    safetyMarginMs: leaseMs / 2,
    onGained(lease, signal) {
      gained.push(lease);
      signals.set(lease.partition, signal);
    },
    onLost: (partition) => lost.push(partition),
    checkpointOf: () => undefined,
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  const stopped = async () => {
    stop.abort();
    await running;
  };
  t.after(stopped);
  return { keeper, gained, lost, signals, release, stopped };
}

/** Answers once with `first`, then with `rest`. */
function once<T>(first: T, rest: T): () => Promise<T> {
  let asked = false;
  return async () => {
    if (asked) return rest;
    asked = true;
    return first;
  };
}

test('a renewal that does not return a partition means that it is lost, at once', async (t) => {
  let ours = [0, 1];
  const { gained, lost, signals } = setup(t, {
    acquireFree: once([leaseOf(0), leaseOf(1)], []),
    renew: async () => new Set(ours),
  });
  await eventually(() => assert.equal(gained.length, 2));
  ours = [1];
  await eventually(() => assert.deepEqual(lost, [0]));
  assert.equal(signals.get(0)?.aborted, true);
  assert.equal(signals.get(1)?.aborted, false);
});

test('leases that cannot be renewed stop being valid before they end, and are valid again afterwards', async (t) => {
  let away = false;
  const { keeper, gained, lost } = setup(
    t,
    {
      acquireFree: once([leaseOf(0)], []),
      renew: async () => {
        if (away) throw new Error('the database is away');
        return new Set([0]);
      },
    },
    200,
  );
  assert.equal(keeper.validity().aborted, true, 'nothing is valid before the first lease');
  await eventually(() => assert.equal(gained.length, 1));
  const before = keeper.validity();
  assert.equal(before.aborted, false);
  away = true;
  await eventually(() => assert.equal(before.aborted, true));
  away = false;
  await eventually(() => assert.equal(keeper.validity().aborted, false));
  assert.equal(before.aborted, true, 'what was begun under the old validity stays ended');
  assert.deepEqual(lost, []);
});

test('a lease that ran out and was taken again begins anew', async (t) => {
  const answers = [[leaseOf(0)], [leaseOf(0, 3n)]];
  const { gained, lost } = setup(t, { acquireFree: async () => answers.shift() ?? [] });
  await eventually(() =>
    assert.deepEqual(
      gained.map((lease) => lease.epoch),
      [1n, 3n],
    ),
  );
  assert.deepEqual(lost, [0]);
});

test('everything is given back once', async (t) => {
  const { keeper, gained, release, stopped } = setup(t, { acquireFree: once([leaseOf(0), leaseOf(4)], []) });
  await eventually(() => assert.equal(gained.length, 2));
  await stopped();
  await keeper.release();
  await keeper.release();
  assert.equal(release.mock.callCount(), 1);
});
