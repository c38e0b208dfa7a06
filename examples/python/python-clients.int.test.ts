import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGateway } from '../../apps/stream-gateway/testing/gateway-app.ts';
import { orderEvent } from '../../apps/stream-gateway/testing/order-events.ts';
import { eventually, startApp } from '../../test/harness/index.ts';
import { withKafkaAdmin } from '../../test/harness/kafka-admin.ts';
import { findFreePort } from '../../tools/stack/index.ts';
import { startPython } from './testing/python-client.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';

test('a watch in Python goes on at its token, whether it or the gateway is killed', async (t) => {
  const folder = await createTestFolder();
  const tokenFile = join(folder, 'watch.token');
  const gateway = await startGateway(t, { GATEWAY_PORT: String(await findFreePort()) });
  const address = gateway.app.urls.grpc;
  const events = Array.from({ length: 30 }, () => orderEvent({ status: 'confirmed', version: 2 }));

  const first = await startPython(t, 'watch.py', [address, tokenFile]);
  await eventually(() => access(tokenFile));
  await gateway.produce(...events.slice(0, 10));
  await eventually(() => assert.equal(first.shown.length, 10));
  const [one] = first.shown;
  const { order } = events.find(({ eventId }) => eventId === one?.event_id) ?? assert.fail('a stranger');
  assert.deepEqual(
    [one?.order_id, one?.order_version, one?.status],
    [order.orderId, 2, 'ORDER_STATUS_CONFIRMED'],
  );
  await first.kill();

  await gateway.produce(...events.slice(10, 20));
  const second = await startPython(t, 'watch.py', [address, tokenFile]);
  await eventually(() => assert.ok(second.shown.length >= 10));
  gateway.app.kill('SIGKILL');
  await gateway.app.exited;
  await gateway.produce(...events.slice(20));
  await startApp(t, 'stream-gateway', gateway.settings);
  const told = () => new Set([...first.shown, ...second.shown].map((event) => event.event_id));
  await eventually(() => assert.equal(told().size, events.length));
  // The message before the first kill may have been printed and not yet stored.
  assert.ok(first.shown.length + second.shown.length <= events.length + 10);
});

test('consumers in Python share a subscription: what one has acknowledged does not come again, the rest does', async (t) => {
  const gateway = await startGateway(t);
  const subscription = randomUUID();
  const args = [gateway.app.urls.grpc, subscription] as const;
  const events = Array.from({ length: 40 }, () => orderEvent());
  const acknowledgedEvents = () =>
    withKafkaAdmin(gateway, async (admin) => {
      const groups = await admin.fetchOffsets({
        groupId: `orders-stream.${gateway.topic}:${subscription}`,
        topics: [gateway.topic],
      });
      return groups.flatMap(({ partitions }) => partitions).reduce((sum, at) => sum + Number(at.offset), 0);
    });

  const first = await startPython(t, 'consume.py', args);
  await gateway.produce(...events.slice(0, 20));
  await eventually(async () => assert.equal(await acknowledgedEvents(), 20));
  await first.kill();
  await gateway.produce(...events.slice(20));
  const others = await Promise.all([startPython(t, 'consume.py', args), startPython(t, 'consume.py', args)]);
  await eventually(async () => assert.equal(await acknowledgedEvents(), events.length));
  const shown = [first, ...others].map((consumer) => consumer.shown.map((event) => event.event_id));
  assert.equal(shown[0]?.length, 20);
  assert.deepEqual(new Set(shown.flat()), new Set(events.map(({ eventId }) => eventId)));
  assert.equal(
    shown[1]?.some((eventId) => shown[0]?.includes(eventId)),
    false,
  );
});

test('a token that is no token ends the watch with what the gateway says about it', async (t) => {
  const folder = await createTestFolder();
  const tokenFile = join(folder, 'watch.token');
  await writeFile(tokenFile, 'no token');
  const gateway = await startGateway(t);
  const { ended } = await startPython(t, 'watch.py', [gateway.app.urls.grpc, tokenFile]);
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /INVALID_ARGUMENT/);
});

test('a hundred wrong fields are told to a client in Python as what they are', async (t) => {
  const gateway = await startGateway(t);
  const { ended } = await startPython(t, 'testing/wrong_filter.py', [gateway.app.urls.grpc]);
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /INVALID_ARGUMENT/);
  assert.match(stderr, /filter\.order_ids\[0\]: must have 1 to 200 characters; .*… and \d+ more/);
});
