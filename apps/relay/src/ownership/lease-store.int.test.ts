import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../../test/harness/index.ts';
import { CURSOR_AT_START } from '../outbox/cursor.ts';
import { createLeaseStore, type Lease } from './lease-store.ts';

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
  const leases = await first.acquireFree();
  assert.deepEqual(new Set(leases.map((lease) => lease.partition)), new Set([0, 1, 2]));
  for (const lease of leases) assert.deepEqual(lease.checkpoint, { cursor: CURSOR_AT_START, logOffset: 0n });
});

test('a lease keeps others out until it is given back, with its checkpoint', async (t) => {
  const { first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const [lease, other] = (await first.acquireFree()).sort((a, b) => a.partition - b.partition);
  assert.ok(lease && other);
  assert.deepEqual(await second.acquireFree(), []);

  const checkpoint = {
    cursor: { snapshot: '9:12:10', page: { target: '20:20:', afterSeq: 5n, endSeq: 9n } },
    logOffset: 2n ** 60n,
  };
  await first.release([{ ...lease, checkpoint }]);
  const [taken, ...more] = await second.acquireFree();
  assert.deepEqual(more, []);
  assert.deepEqual(taken, { partition: lease.partition, epoch: lease.epoch + 1n, checkpoint });
});

test('a renewal stores the checkpoint and answers with what is still ours', async (t) => {
  const { first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const [kept, lost] = await first.acquireFree();
  assert.ok(kept && lost);
  await first.release(unchanged([lost]));
  await second.acquireFree();

  const checkpoint = { cursor: { snapshot: '30:31:' }, logOffset: 7n };
  const ours = await first.renew([kept, lost].map((lease) => ({ ...lease, checkpoint })));
  assert.deepEqual([...ours], [kept.partition]);
  await second.release(unchanged([{ ...lost, epoch: lost.epoch + 1n }]));
  const [again] = await second.acquireFree();
  assert.deepEqual(
    again?.checkpoint,
    { cursor: CURSOR_AT_START, logOffset: 0n },
    'a lost lease stores nothing',
  );
});

test('a lease of an owner that is gone ends by the database clock', async (t) => {
  const { first, second } = await openStores(t, 200);
  await first.ensurePartitions(1);
  const [lease] = await first.acquireFree();
  assert.ok(lease);
  const taken = await eventually(async () => {
    const [found] = await second.acquireFree();
    assert.ok(found);
    return found;
  });
  assert.equal(taken.epoch, lease.epoch + 1n);
  assert.deepEqual([...(await first.renew(unchanged([lease])))], []);
});
