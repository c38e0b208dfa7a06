import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { changeOrder, createHotOrders, runWriters } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp } from '../harness/index.ts';

test('a relay halts on a restored database, and after a rebase publishes what is missing, once and in order', async (t) => {
  const state = await createOutboxState(t, 4);
  const first = await startApp(t, 'relay', state.env);
  const orderIds = await createHotOrders(state.pool, 12);
  const url = state.env['DATABASE_URL'] ?? '';
  const before = new AbortController();
  const writersBefore = runWriters(url, orderIds, 3, before.signal);
  t.after(() => before.abort());
  await eventually(async () => {
    // Ids are random, so any one partition may be nobody's.
    const offsets: number[] = (await state.runJson('status')).json.partitions.map(
      (partition: { log_offset: number }) => partition.log_offset,
    );
    assert.ok(Math.max(...offsets) > 20, `${offsets.join()} events in the partitions`);
  });
  first.kill('SIGKILL');
  await first.exited;
  before.abort();
  await writersBefore;
  for (const orderId of orderIds) await changeOrder(state.pool, orderId);
  // As if this were a copy on another server: rows and cursors are of transactions that it does not know.
  await state.pool.query(`UPDATE outbox SET xid = (1000000000 + xid::text::bigint)::text::xid8`);
  await state.pool.query(
    `UPDATE relay_partition SET cursor = (SELECT (m || ':' || m || ':')::pg_snapshot
       FROM (SELECT 1 + max(xid::text::bigint) FROM outbox) AS of (m)), page_target = NULL, page_seq = NULL, page_end = NULL`,
  );
  await state.pool.query(`UPDATE relay_identity SET system_identifier = '1'`);

  const second = await startApp(t, 'relay', state.env);
  await eventually(() =>
    assert.ok(
      second.logs().some(({ level, msg }) => level === 'error' && /outboxctl rebase/.test(String(msg))),
    ),
  );
  const ready = await fetch(`${second.urls.admin}/readyz`);
  assert.equal(ready.status, 503);
  const halted = await state.runJson('status');
  assert.match(halted.json.problems.join('\n'), /another database server.*outboxctl rebase/);

  const during = new AbortController();
  const writersDuring = runWriters(url, orderIds, 3, during.signal);
  t.after(() => during.abort());
  const { code, json, stderr } = await state.runJson('rebase', '--yes');
  assert.equal(code, 0, stderr);
  assert.ok(json.unpublished >= orderIds.length, 'what was committed without a relay was not in the topic');
  assert.ok(json.held > 0);
  await eventually(async () => assert.equal((await fetch(`${second.urls.admin}/readyz`)).status, 200));
  during.abort();
  await writersDuring;
  const audit = await eventually(async () => {
    const answer = await state.runJson('verify');
    assert.equal(answer.json.pending, 0);
    return answer;
  });
  assert.equal(audit.code, 0, JSON.stringify(audit.json));
});
