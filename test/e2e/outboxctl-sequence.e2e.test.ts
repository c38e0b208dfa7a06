import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createLogReader } from '@order-events/messaging';
import { createOutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { changeOrder, createHotOrders, runWriters } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp } from '../harness/index.ts';

/** Events that wait for a relay, the later ones with numbers that others of the same orders have. */
async function waitWithNumbersTwice(t: TestContext, setBackTo: number, partitions = 4) {
  const state = await createOutboxState(t, partitions);
  const orderIds = await createHotOrders(state.pool, 10);
  const changeAll = async () => {
    for (const orderId of orderIds) await changeOrder(state.pool, orderId);
  };
  const first = await startApp(t, 'relay', state.env);
  for (let round = 0; round < 5; round++) await changeAll();
  await eventually(async () => assert.equal((await state.runJson('status')).json.pending_events, 0));
  first.kill('SIGKILL');
  await first.exited;
  await changeAll();
  await changeAll();
  // As a logical replica has it, to which nobody has copied where the sequence stands.
  await state.pool.query(`SELECT setval('outbox_seq', $1)`, [setBackTo]);
  await changeAll();
  await changeAll();

  const reader = createLogReader({ brokers: state.brokers, clientId: 'test', topic: state.topic });
  t.after(() => reader.close());
  const versionsInTopic = async () => {
    const versions = new Map<string, number[]>();
    const ends = await reader.offsets('latest');
    await reader.read(await reader.offsets('earliest'), ends, ({ records }) => {
      for (const { key, value } of records) {
        const { version } = JSON.parse(String(value)) as { version: number };
        versions.set(String(key), [...(versions.get(String(key)) ?? []), version]);
      }
    });
    return versions;
  };
  const isNamed = (name: string) => async () => {
    const { code, json } = await state.runJson('status');
    assert.equal(code, 1);
    const found = json.findings.find((finding: { name: string }) => finding.name === name);
    assert.match(found.text, /outboxctl rebase/);
    assert.equal(found.severity, 'halt');
  };
  return { state, orderIds, changeAll, versionsInTopic, isNamed };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('a sequence that is behind halts the relays, and a rebase moves it and keeps the order of each key', async (t) => {
  const { state, orderIds, versionsInTopic, isNamed } = await waitWithNumbersTwice(t, 30);
  const relay = await startApp(t, 'relay', state.env);
  await eventually(isNamed('sequence-behind'));
  await eventually(async () => assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 503));
  for (const versions of (await versionsInTopic()).values()) assert.deepEqual(versions, upTo(5));
  const dry = await state.runJson('rebase', '--dry-run');
  assert.deepEqual([dry.json.unpublished, dry.json.renumbered], [40, 40]);

  const during = new AbortController();
  t.after(() => during.abort());
  const writers = runWriters(state.env['DATABASE_URL'] ?? '', orderIds, 3, during.signal);
  const { code, json, stderr } = await state.runJson('rebase', '--yes');
  assert.equal(code, 0, stderr);
  assert.ok(json.renumbered >= 40);
  await eventually(async () => assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200));
  during.abort();
  await writers;
  await eventually(async () => {
    const { code: verified, json: audit } = await state.runJson('verify');
    assert.deepEqual([verified, audit.pending], [0, 0]);
  });
  const found = await versionsInTopic();
  assert.equal(found.size, orderIds.length);
  for (const versions of found.values()) assert.deepEqual(versions, upTo(versions.length));
});

test('two events that wait with one number halt the relay, which names the remedy and goes on after it', async (t) => {
  const { state, orderIds, changeAll, versionsInTopic, isNamed } = await waitWithNumbersTwice(t, 55, 1);
  // By now the sequence is past what it has given out twice.
  await state.pool.query(`SELECT setval('outbox_seq', 1000)`);
  await changeAll();
  const relay = await startApp(t, 'relay', state.env);
  await eventually(isNamed('equal-seq'));
  await eventually(async () => assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 503));
  const { code, json, stderr } = await state.runJson('rebase', '--yes');
  assert.deepEqual([code, json.renumbered], [0, 50], stderr);
  await eventually(async () => {
    const found = await versionsInTopic();
    assert.equal(found.size, orderIds.length);
    for (const versions of found.values()) assert.deepEqual(versions, upTo(10));
  });
  await eventually(async () => assert.equal((await state.runJson('status')).code, 0));
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);
});
