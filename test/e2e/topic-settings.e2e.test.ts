import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { changeOrder, createHotOrders } from '../../packages/outbox/testing/outbox-workload.ts';
import { eventually, startApp } from '../harness/index.ts';
import { TEST_HEADERS } from '../harness/test-access.ts';
import { alterTopic } from '../harness/topic-settings.ts';

const read = async (url: string) => {
  const response = await fetch(url, { headers: TEST_HEADERS });
  return { status: response.status, text: await response.text() };
};

test('a topic that would lose events is not written to, everybody says why, and it goes on once that is mended', async (t) => {
  const state = await createOutboxState(t);
  await alterTopic(state, 'message.timestamp.type', 'CreateTime');
  await alterTopic(state, 'cleanup.policy', 'compact');
  const [orderId = ''] = await createHotOrders(state.pool, 1);
  await changeOrder(state.pool, orderId);
  const relay = await startApp(t, 'relay', state.env);

  await eventually(async () => {
    const { code, stdout } = await state.run('status');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /unhealthy {2}cleanup\.policy is "compact"[^\n]*; set cleanup\.policy=delete on the topic\n/,
    );
    assert.match(stdout, /notice {2}message\.timestamp\.type is CreateTime/);
  });
  await eventually(async () => assert.equal((await read(`${relay.urls.admin}/readyz`)).status, 503));
  assert.match((await read(`${relay.urls.admin}/status`)).text, /Halted[^]*cleanup\.policy is/);
  assert.match((await read(`${relay.urls.admin}/metrics`)).text, /outbox_findings\{[^}]*name="writers-time"/);
  for (const command of [['verify'], ['rebase', '--dry-run'], ['replay', '--since', '1h', '--dry-run']]) {
    const { code, stderr } = await state.run(...command);
    assert.equal(code, 1, command[0]);
    assert.match(stderr, /cleanup\.policy is "compact"|no partitions are known yet/, command[0]);
  }

  await alterTopic(state, 'cleanup.policy', 'delete');
  await eventually(async () => assert.equal((await state.runJson('verify')).json.published, 1));
  await eventually(async () => assert.equal((await read(`${relay.urls.admin}/readyz`)).status, 200));
});
