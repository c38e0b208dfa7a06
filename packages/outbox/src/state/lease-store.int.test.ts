import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase, eventually } from '../../../../test/harness/index.ts';
import { CURSOR_AT_START } from '../cursor.ts';
import type { Lease } from './lease.ts';
import { createLeaseStore } from './lease-store.ts';

const ALIVE = { alive: true };
const STAYING = { leaving: false };

async function openStores(t: TestContext, leaseMs: number) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const store = (owner: string) => createLeaseStore({ pool, owner, leaseMs });
  return { url, pool, first: store('first'), second: store('second') };
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

test('a checkpoint of before a crash is not stored after it', async (t) => {
  const { pool, first } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  const { ours } = await first.renew(unchanged([lease]), { alive: true });
  assert.equal(ours.length, 1);
  await pool.query(`UPDATE relay_partition SET server_run = 'the one before the crash'`);
  const after = await first.renew(unchanged([lease]), { alive: true });
  assert.deepEqual(after.ours, []);
  const [again] = await first.acquire(12, []);
  assert.ok(again);
  assert.equal((await first.renew(unchanged([again]), { alive: true })).ours.length, 1);
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

/** What a clock that is set back leaves behind: all that was stamped before lies ahead of it. */
async function setClockBack(pool: pg.Pool, interval: string): Promise<void> {
  await pool.query(
    `UPDATE relay_partition SET updated_at = updated_at + $1::interval, lease_until = lease_until + $1::interval`,
    [interval],
  );
  await pool.query('UPDATE relay_instance SET heartbeat_at = heartbeat_at + $1::interval', [interval]);
}

test('after the clock was set back, an owner that is gone holds its partitions for one lease more', async (t) => {
  const { pool, first, second } = await openStores(t, 1500);
  await first.ensurePartitions(2);
  const leases = await first.acquire(12, []);
  await first.renew(unchanged(leases), ALIVE);
  await setClockBack(pool, '1 hour');
  await second.renew([], ALIVE);
  assert.deepEqual(await second.acquire(12, []), [], 'it may be alive: it gets the time of its lease');
  await eventually(async () => {
    assert.equal((await second.renew([], ALIVE)).relays, 1);
    assert.equal((await second.acquire(12, [])).length, 2);
  });
});

test('after the clock was set back, an owner that lives keeps its partitions', async (t) => {
  const { pool, first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const leases = await first.acquire(12, []);
  await second.renew([], ALIVE);
  await setClockBack(pool, '1 hour');
  assert.equal((await second.renew([], ALIVE)).relays, 1, 'it has sent no heartbeat yet');
  assert.equal((await first.renew(unchanged(leases), ALIVE)).ours.length, 2);
  assert.equal((await second.look([])).relays, 2);
  assert.deepEqual(await second.acquire(12, []), []);
  const { rows } = await pool.query(
    `SELECT FROM relay_partition WHERE lease_until > clock_timestamp() + interval '61 s' OR updated_at > clock_timestamp()`,
  );
  assert.deepEqual(rows, []);
});

test('relays that acquire at the same time never get the same partition, and no more than they ask for', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  t.after(() => pool.end());
  const stores = Array.from({ length: 8 }, (_, index) =>
    createLeaseStore({ pool, owner: `relay ${index}`, leaseMs: 60_000 }),
  );
  await stores[0]!.ensurePartitions(40);
  for (let round = 0; round < 20; round++) {
    const taken = await Promise.all(stores.map((store) => store.acquire(3, [])));
    const partitions = taken.flat().map((lease) => lease.partition);
    assert.equal(new Set(partitions).size, partitions.length);
    for (const leases of taken) assert.ok(leases.length <= 3, `${leases.length} taken`);
    await Promise.all(stores.map((store, index) => store.release(unchanged(taken[index]!), STAYING)));
  }
  const { rows } = await pool.query<{ epochs: bigint }>(
    'SELECT sum(epoch)::bigint AS epochs FROM relay_partition WHERE owner IS NULL',
  );
  assert.ok(rows[0]!.epochs > 0n);
});

test('relays count each other by their heartbeats, and those that are silent for a lease no more', async (t) => {
  const { pool, first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(5);
  assert.equal((await first.renew([], ALIVE)).relays, 1);
  const { relays, rank, available, free } = await second.renew([], ALIVE);
  assert.deepEqual([relays, rank, available, free], [2, 1, 5, 5]);
  assert.deepEqual((await first.look([])).rank, 0);
  await pool.query(
    `UPDATE relay_instance SET heartbeat_at = heartbeat_at - interval '61 s' WHERE id = 'first'`,
  );
  assert.equal((await second.look([])).relays, 1);
  await second.renew([], ALIVE);
  const { rows } = await pool.query('SELECT id FROM relay_instance');
  assert.deepEqual(rows, [{ id: 'second' }], 'a silent one is forgotten');
  await first.renew([], ALIVE);
  await first.release([], { leaving: true });
  assert.equal((await second.look([])).relays, 1, 'one that leaves is not counted from then on');
  await first.renew([], { alive: false });
  assert.equal((await second.look([])).relays, 1, 'nor while it still renews what it has to finish');
});

test('only what may be owned is available, and only what nobody owns is free', async (t) => {
  const { pool, first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(6);
  await pool.query(`UPDATE relay_partition SET mode = 'paused' WHERE partition = 0`);
  await pool.query(`UPDATE relay_partition SET mode = 'draining' WHERE partition IN (1, 2)`);
  await pool.query(
    `UPDATE relay_partition SET page_target = '9:9:', page_seq = 1, page_end = 2 WHERE partition = 2`,
  );
  const [lease] = await first.acquire(1, []);
  assert.deepEqual([lease?.partition, lease?.mode], [2, 'draining']);
  const { available, free } = await second.look([]);
  assert.deepEqual([available, free], [4, 3]);
  const taken = await second.acquire(12, []);
  assert.deepEqual(new Set(taken.map(({ partition }) => partition)), new Set([3, 4, 5]));
  await pool.query(`UPDATE relay_partition SET mode = 'paused' WHERE partition = 2`);
  assert.deepEqual((await first.look([lease!])).ours, [{ partition: 2, mode: 'paused' }]);
});

test('a lease whose acquisition was never answered is found and taken again', async (t) => {
  const { first, second } = await openStores(t, 60_000);
  await first.ensurePartitions(2);
  const [known] = await first.acquire(1, []);
  const [unheard] = await first.acquire(1, [known!]);
  assert.equal((await first.look([known!])).free, 1);
  assert.equal((await second.look([])).free, 0);
  const [again, ...more] = await first.acquire(12, [known!]);
  assert.deepEqual(more, []);
  assert.deepEqual([again?.partition, again?.epoch], [unheard!.partition, unheard!.epoch + 1n]);
});

test('a renewal that was on its way for too long does not undo a newer one', async (t) => {
  const { first } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(1, []);
  const newer = { cursor: { snapshot: '50:60:' }, logOffset: 9n };
  await first.renew([{ ...lease!, checkpoint: newer }], ALIVE);
  const overtaken = { cursor: { snapshot: '40:60:40' }, logOffset: 3n };
  assert.deepEqual((await first.renew([{ ...lease!, checkpoint: overtaken }], ALIVE)).ours, []);
  await first.release([{ ...lease!, checkpoint: newer }], STAYING);
  const [again] = await first.acquire(1, []);
  assert.deepEqual(again?.checkpoint, newer);
});

test('whoever gives a lease back wakes the others, who find it free', async (t) => {
  const { url, pool, first } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const leases = await first.acquire(1, []);
  const listener = new pg.Client(url);
  await listener.connect();
  t.after(() => listener.end());
  const owners: unknown[] = [];
  listener.on('notification', () => {
    void pool.query('SELECT owner FROM relay_partition').then(({ rows }) => owners.push(rows[0].owner));
  });
  await listener.query('LISTEN relay_ownership');
  await first.release(unchanged(leases), STAYING);
  await eventually(() => assert.deepEqual(owners, [null]));
});

const SUBJECT = { topic: 'orders.events', partitionCount: 3 };

async function openStoresOnSubject(t: TestContext) {
  const opened = await openStores(t, 60_000);
  await opened.first.ensurePartitions(3);
  await opened.pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count) VALUES ('1', $1, 'id', $2)`,
    [SUBJECT.topic, SUBJECT.partitionCount],
  );
  return opened;
}

test('nothing is taken while the cursors are about another topic or number of partitions', async (t) => {
  const { pool } = await openStoresOnSubject(t);
  const store = (subject: typeof SUBJECT) =>
    createLeaseStore({ pool, owner: 'relay', leaseMs: 60_000, subject });
  assert.deepEqual(await store({ ...SUBJECT, partitionCount: 4 }).acquire(12, []), []);
  assert.deepEqual(await store({ ...SUBJECT, topic: 'other' }).acquire(12, []), []);
  assert.equal((await store(SUBJECT).acquire(12, [])).length, 3);
});

test('what was taken just after the number of partitions changed is put back as it was', async (t) => {
  const { pool } = await openStoresOnSubject(t);
  /** Changes the number between the look at it and the acquisition. */
  const racing: pg.Pool = Object.assign(Object.create(pool), {
    async query(text: string, values: unknown[]) {
      if (/SET owner = \$1/.test(text)) await pool.query('UPDATE relay_identity SET partition_count = 4');
      return pool.query(text, values);
    },
  });
  const late = createLeaseStore({ pool: racing, owner: 'late', leaseMs: 60_000, subject: SUBJECT });
  assert.deepEqual(await late.acquire(12, []), []);
  const { rows } = await pool.query(
    'SELECT owner, lease_until, epoch::int, cursor::text FROM relay_partition ORDER BY partition',
  );
  const free = { owner: null, lease_until: null, epoch: 1, cursor: CURSOR_AT_START.snapshot };
  assert.deepEqual(rows, [free, free, free]);
});

const MARKED = {
  cursor: { snapshot: '9:12:10', page: { target: '20:20:', afterSeq: 5n, endSeq: 9n } },
  logOffset: 8n,
  mark: { topicId: 'topic', last: { offset: 7n, eventId: 'seventh' } },
  history: [
    { cursor: { snapshot: '4:4:' }, logOffset: 0n, mark: { topicId: 'topic' }, atMs: 1_000 },
    {
      cursor: { snapshot: '9:12:10', page: { target: '20:20:', afterSeq: 2n, endSeq: 9n } },
      logOffset: 5n,
      mark: { topicId: 'topic', last: { offset: 4n, eventId: 'fourth' } },
      atMs: 2_000,
    },
  ],
};

test('a checkpoint comes back with its mark and the former ones, unless somebody has moved it without them', async (t) => {
  const { first, second, pool } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  await first.renew([{ ...lease, checkpoint: MARKED }], ALIVE);
  await first.release([{ ...lease, checkpoint: MARKED }], STAYING);
  const [again] = await second.acquire(12, []);
  assert.deepEqual(again?.checkpoint, MARKED);
  assert.ok(again);
  await second.release([again], STAYING);
  await pool.query('UPDATE relay_partition SET log_offset = 9');
  const [moved] = await first.acquire(12, []);
  assert.deepEqual(moved?.checkpoint, { cursor: MARKED.cursor, logOffset: 9n });
});

test('a lease is given back with an older checkpoint by its owner only, and no renewal on its way undoes that', async (t) => {
  const { first, second, pool } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  await first.renew([{ ...lease, checkpoint: MARKED }], ALIVE);
  const older = { ...MARKED.history[1]!, history: MARKED.history };
  assert.equal(await second.goBack({ ...lease, checkpoint: older }), undefined);
  assert.equal(await first.goBack({ ...lease, epoch: lease.epoch - 1n, checkpoint: older }), undefined);
  assert.deepEqual(await first.goBack({ ...lease, checkpoint: older }), { dropped: false });
  const view = await first.renew([{ ...lease, checkpoint: MARKED }], ALIVE);
  assert.deepEqual(view.ours, []);
  const [taken] = await second.acquire(12, []);
  const { atMs: _, ...expected } = older;
  assert.deepEqual(taken?.checkpoint, expected);
  await pool.query(`UPDATE dropped_events SET xid = '9'`);
  assert.ok(taken);
  assert.deepEqual(await second.goBack(taken), { dropped: true });
});

test('in another run of the server nothing goes back', async (t) => {
  const { first, pool } = await openStores(t, 60_000);
  await first.ensurePartitions(1);
  const [lease] = await first.acquire(12, []);
  assert.ok(lease);
  await pool.query(`UPDATE relay_partition SET server_run = 'another'`);
  assert.equal(await first.goBack(lease), undefined);
});
