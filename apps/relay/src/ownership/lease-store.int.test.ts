import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../../test/harness/index.ts';
import { CURSOR_AT_START } from '../outbox/cursor.ts';
import type { Lease } from './lease.ts';
import { createLeaseStore } from './lease-store.ts';

const ALIVE = { alive: true };
const STAYING = { leaving: false };

async function openStores(t: TestContext, leaseMs: number) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const store = (owner: string) => createLeaseStore({ pool, owner, leaseMs });
  return { pool, first: store('first'), second: store('second') };
}

function unchanged(leases: readonly Lease[]) {
  return leases.map(({ partition, epoch, checkpoint }) => ({ partition, epoch, checkpoint }));
}

test('partitions are created once, at the start of the outbox', async (t) => {
  const { first } = await openStores(t, 60_000);
  assert.equal(await first.ensurePartitions(3), 3);
  assert.equal(await first.ensurePartitions(3), 3);
  assert.equal(
    await first.ensurePartitions(2),
    3,
    'rows are never removed: the caller sees that there are more',
  );
  assert.equal(await first.ensurePartitions(5), 3, 'a new one would begin at the start of the outbox');
  const leases = await first.acquire(12, []);
  assert.deepEqual(new Set(leases.map((lease) => lease.partition)), new Set([0, 1, 2]));
  for (const lease of leases) assert.deepEqual(lease.checkpoint, { cursor: CURSOR_AT_START, logOffset: 0n });
});

test('a lease keeps others out until it is given back, with its checkpoint', async (t) => {
  const { first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const [lease, other] = (await first.acquire(12, [])).sort((a, b) => a.partition - b.partition);
  assert.ok(lease && other);
  assert.deepEqual(await second.acquire(12, []), []);

  const checkpoint = {
    cursor: { snapshot: '9:12:10', page: { target: '20:20:', afterSeq: 5n, endSeq: 9n } },
    logOffset: 2n ** 60n,
  };
  await first.release([{ ...lease, checkpoint }], STAYING);
  const [taken, ...more] = await second.acquire(12, []);
  assert.deepEqual(more, []);
  assert.deepEqual(taken, { ...lease, epoch: lease.epoch + 1n, checkpoint });
});

test('a database that went back in time keeps its own cursor, and the lease is lost', async (t) => {
  const { first } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  const ahead = { cursor: { snapshot: '9999999999:9999999999:' }, logOffset: 7n };
  const { ours } = await first.renew([{ ...lease, checkpoint: ahead }], { alive: true });
  assert.deepEqual(ours, []);
  assert.deepEqual(await first.release([{ ...lease, checkpoint: ahead }], STAYING), new Set());
  const [again] = await first.acquire(12, []);
  assert.deepEqual(again?.checkpoint, { cursor: CURSOR_AT_START, logOffset: 0n });
});

test('a renewal stores the checkpoint and answers with what is still ours', async (t) => {
  const { first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const [kept, lost] = await first.acquire(12, []);
  assert.ok(kept && lost);
  await first.release(unchanged([lost]), STAYING);
  await second.acquire(12, []);

  const checkpoint = { cursor: { snapshot: '30:31:' }, logOffset: 7n };
  const { ours } = await first.renew(
    [kept, lost].map((lease) => ({ ...lease, checkpoint })),
    ALIVE,
  );
  assert.deepEqual(ours, [{ partition: kept.partition, mode: 'running' }]);
  await second.release(unchanged([{ ...lost, epoch: lost.epoch + 1n }]), STAYING);
  const [again] = await second.acquire(12, []);
  assert.deepEqual(
    again?.checkpoint,
    { cursor: CURSOR_AT_START, logOffset: 0n },
    'a lost lease stores nothing',
  );
});

test('a lease of an owner that is gone ends by the database clock', async (t) => {
  const { first, second } = await openStores(t, 200);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  const taken = await eventually(async () => {
    const [found] = await second.acquire(12, []);
    assert.ok(found);
    return found;
  });
  assert.equal(taken.epoch, lease.epoch + 1n);
  assert.deepEqual((await first.renew(unchanged([lease]), ALIVE)).ours, []);
});
