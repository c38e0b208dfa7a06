import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startGateway } from '../../../apps/stream-gateway/testing/gateway-app.ts';
import { orderEvent } from '../../../apps/stream-gateway/testing/order-events.ts';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { startWebhookReceiver } from '../testing/webhook-receiver.ts';
import { createTestFolder } from '../../../test/harness/test-folder.ts';

async function setUp(t: TestContext) {
  const folder = await createTestFolder();
  const [gateway, receiver] = await Promise.all([startGateway(t), startWebhookReceiver(t)]);
  const tokenFile = join(folder, 'token');
  const env = {
    NOTIFICATIONS_GATEWAY: gateway.app.urls.grpc,
    NOTIFICATIONS_TOKEN_FILE: tokenFile,
    NOTIFICATIONS_WEBHOOK_URL: receiver.url,
  };
  const token = () => readFile(tokenFile, 'utf8');
  return { gateway, receiver, env, token };
}

const confirmed = (customerId = 'c-1') => orderEvent({ customerId, status: 'confirmed', version: 2 });

test('customers are told about their orders, whenever the process is killed', async (t) => {
  const { gateway, receiver, env, token } = await setUp(t);
  let app = await startApp(t, 'notifications', env);
  await eventually(token);
  const events = [];
  for (let kill = 0; kill < 4; kill++) {
    const some = Array.from({ length: 20 }, () => confirmed());
    events.push(...some);
    await gateway.produce(...some, orderEvent({ status: 'pending' }));
    // While it hands over, before it does, after it has.
    if (kill > 0) {
      await eventually(() => assert.ok(receiver.accepted.length >= kill * 20 + 5 * (kill - 1)));
    }
    app.kill('SIGKILL');
    await app.exited;
    app = await startApp(t, 'notifications', env);
  }
  const told = () => new Set(receiver.accepted.map(({ id }) => id));
  await eventually(() => assert.equal(told().size, events.length));
  assert.deepEqual([...told()].sort(), events.map(({ eventId }) => eventId).sort());
});

test('what the receiver has not taken is not left behind by a stop', async (t) => {
  const { gateway, receiver, env, token } = await setUp(t);
  const first = await startApp(t, 'notifications', env);
  const before = await eventually(token);
  receiver.answer(503);
  const event = confirmed('c-7');
  await gateway.produce(event);
  await eventually(() => assert.ok(receiver.requests() > 0));
  first.kill('SIGTERM');
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  assert.equal(await token(), before);

  receiver.answer(204);
  const second = await startApp(t, 'notifications', env);
  await eventually(() => assert.equal(receiver.accepted.length, 1));
  const { orderId } = event.order;
  const text = `Your order ${orderId} is confirmed.`;
  assert.deepEqual(receiver.accepted, [{ id: event.eventId, customerId: 'c-7', orderId, text }]);
  second.kill('SIGTERM');
  assert.deepEqual(await second.exited, { code: 0, signal: null });
});
