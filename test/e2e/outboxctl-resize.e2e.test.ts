import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogReader, EVENT_ID_HEADER } from '@order-events/messaging';
import { createOutboxState, type OutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { startOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createHotOrders, runWriters } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp } from '../harness/index.ts';

const FORMER = 3;
const LATTER = 7;

/** For each key and partition the seqs of its records. */
async function seqsByPartition({
  pool,
  brokers,
  topic,
}: OutboxState): Promise<Map<string, Map<number, bigint[]>>> {
  const { rows } = await pool.query<{ event_id: string; seq: string | bigint }>(
    'SELECT event_id, seq FROM outbox',
  );
  const seqs = new Map(rows.map((row) => [row.event_id, BigInt(row.seq)]));
  const reader = createLogReader({ brokers, clientId: 'test', topic });
  const found = new Map<string, Map<number, bigint[]>>();
  try {
    await reader.read(
      await reader.offsets('earliest'),
      await reader.offsets('latest'),
      ({ partition, records }) => {
        for (const { key, headers } of records) {
          const seq = seqs.get(String(headers[EVENT_ID_HEADER]));
          const own = found.get(String(key)) ?? new Map<number, bigint[]>();
          found.set(String(key), own);
          if (seq !== undefined) own.set(partition, [...(own.get(partition) ?? []), seq]);
        }
      },
    );
  } finally {
    reader.close();
  }
  return found;
}

test('under load, and killed in the middle, a resize loses, doubles and reorders nothing', async (t) => {
  const state = await createOutboxState(t, FORMER);
  await Promise.all([startApp(t, 'relay', state.env), startApp(t, 'relay', state.env)]);
  const orderIds = await createHotOrders(state.pool, 12);
  const writing = new AbortController();
  const writers = runWriters(state.env['DATABASE_URL'] ?? '', orderIds, 4, writing.signal);
  t.after(async () => {
    writing.abort();
    await writers;
  });
  await eventually(async () => {
    const { rows } = await state.pool.query<{ records: number }>(
      'SELECT sum(log_offset)::int AS records FROM relay_partition',
    );
    assert.ok((rows[0]?.records ?? 0) > 200);
  });
  const resize = ['resize', '--partitions', String(LATTER), '--yes'];
  const killed = startOutboxctl(t, state.env, ...resize);
  await eventually(async () => {
    const { rows } = await state.pool.query(`SELECT FROM relay_partition WHERE mode = 'draining'`);
    assert.equal(rows.length, FORMER);
  });
  killed.kill('SIGKILL');
  await killed.ended;
  const { code, json, stderr } = await state.runJson(...resize);
  assert.equal(code, 0, stderr);
  assert.deepEqual(json, { former_partitions: FORMER, partitions: LATTER });

  // Some more load in the new partitions.
  const { rows } = await state.pool.query<{ seq: string }>('SELECT max(seq) AS seq FROM outbox');
  await eventually(async () => {
    const { rows: now } = await state.pool.query<{ seq: string }>('SELECT max(seq) AS seq FROM outbox');
    assert.ok(BigInt(now[0]?.seq ?? 0) > BigInt(rows[0]?.seq ?? 0) + 100n);
  });
  writing.abort();
  await writers;
  const audit = await eventually(async () => {
    const answer = await state.runJson('verify');
    assert.equal(answer.json.pending, 0);
    return answer;
  });
  assert.equal(audit.code, 0, JSON.stringify(audit.json));

  const byKey = await seqsByPartition(state);
  let moved = 0;
  for (const partitions of byKey.values()) {
    const ranges = [...partitions].map(([partition, seqs]) => ({
      partition,
      first: seqs.reduce((a, b) => (a < b ? a : b)),
      last: seqs.reduce((a, b) => (a > b ? a : b)),
    }));
    assert.ok(ranges.length <= 2, 'a key is in its former and its latter partition');
    const [one, two] = ranges.toSorted((a, b) => Number(a.first - b.first));
    if (one && two) {
      moved += 1;
      assert.ok(one.last < two.first, 'what was published before the change comes before what was after it');
    }
  }
  assert.ok(moved > 0, 'some keys moved');
});
