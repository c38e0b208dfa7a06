import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { createUnfencedAppender, heldTopicName } from '@order-events/messaging';
import { recordConsume } from '../../apps/stream-gateway/testing/consume-recorder.ts';
import {
  consume,
  hasVersions,
  orderEvents,
  policy,
  reject,
  startWithHeldTopic,
} from '../../apps/stream-gateway/testing/rejecting-stream.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createAuthority, createPairFiles } from '../harness/certificates.ts';
import { TEST_TOKEN } from '../harness/test-access.ts';

test('held orders are listed, shown, requeued and given up, whoever has them', async (t) => {
  const { app, produce, brokers, topic } = await startWithHeldTopic(t);
  const env = {
    ...{ OUTBOXCTL_GATEWAY: app.urls.adminGrpc, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    ...(TEST_TOKEN !== undefined && { OUTBOXCTL_GATEWAY_TOKEN: TEST_TOKEN }),
  };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runOutboxctl(env, ...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const subscription = randomUUID();
  const stream = consume(t, app.urls.grpc, subscription);
  await stream.hasPartitions(12);
  const nothing = { orders: [], more: false, unreadable: [], unreadable_count: '0' };
  assert.deepEqual(await run('held', 'list', subscription), nothing);
  const stranger = await runOutboxctl(
    { ...env, OUTBOXCTL_GATEWAY_TOKEN: 'none' },
    'held',
    'list',
    subscription,
  );
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /token/);
  const [orderId, other] = [randomUUID(), randomUUID()];
  await produce(...orderEvents(orderId, 1, 2));
  await stream.received(2);
  const [first, second] = stream.eventIds();
  reject(stream, stream.events()[0], 'set aside');
  await stream.signal('rejected');

  const { orders } = await run('held', 'list', subscription);
  const partition = stream.events()[0]?.partition;
  const order = {
    ...{ order_id: orderId, partition, event_count: '2', first_event_id: first, attempts: 1 },
    ...{ reason: 'unknown article', set_aside: true, retry_at: null },
  };
  assert.deepEqual(orders, [order]);
  const { events, ...shown } = await run('held', 'show', subscription, orderId);
  assert.deepEqual(shown, order);
  assert.deepEqual(
    (events as { event_id: string; order_version: string }[]).map((each) => [
      each.event_id,
      each.order_version,
    ]),
    [
      [first, '1'],
      [second, '2'],
    ],
  );

  const unasked = await runOutboxctl(env, 'held', 'discard', subscription, orderId);
  assert.equal(unasked.code, 2, 'nobody is there to confirm');
  const event = {
    ...{ event_id: first, order_id: orderId, order_version: '1' },
    event_type: 'ORDER_EVENT_TYPE_CREATED',
  };
  assert.deepEqual(await run('held', 'discard', subscription, orderId, '--event', first ?? '', '--yes'), {
    discarded_events: '1',
    pending: false,
    events: [event],
  });
  // What waited behind it comes by itself.
  await hasVersions(stream, orderId, [1, 2, 2]);

  await produce(...orderEvents(other, 1));
  await hasVersions(stream, other, [1]);
  const from = stream.messages.length;
  reject(stream, stream.events().at(-1), 'set aside');
  await stream.signal('rejected', from);
  assert.deepEqual(await run('held', 'requeue', subscription, '--all'), {
    requeued_orders: '1',
    pending: false,
  });
  await hasVersions(stream, other, [1, 1]);

  const appender = createUnfencedAppender(
    { brokers, clientId: 'test' },
    heldTopicName(topic),
    'a test record',
  );
  t.after(() => appender.close());
  const record = { key: `/${subscription}/${randomUUID()}`, value: 'no JSON', headers: {} };
  // Elsewhere nothing is held, whatever is stored.
  const { partition: place = 0 } = stream.events().at(-1) ?? {};
  const offset = await appender.append(place, [record], AbortSignal.timeout(30_000));
  const listed = await runOutboxctl(env, 'held', 'list', subscription, '--json');
  assert.deepEqual((JSON.parse(listed.stdout) as { unreadable: unknown }).unreadable, [
    { partition: place, offset: String(offset), event_id: null, reason: 'it is no JSON' },
  ]);
  assert.match(listed.stderr, /1 record cannot be read/);
  const discard = ['held', 'discard-unreadable', subscription, String(place), String(offset)];
  assert.equal((await runOutboxctl(env, ...discard)).code, 2, 'nobody is there to confirm');
  assert.deepEqual(await run(...discard, '--yes'), { event_id: null, pending: false });
  assert.deepEqual((await run('held', 'list', subscription))['unreadable'], []);
  const none = await runOutboxctl(env, 'held', 'show', subscription, randomUUID());
  assert.equal(none.code, 1);
  assert.match(none.stderr, /nothing of it is held/);
});

test('a gateway with TLS is asked by whoever trusts its authority, and nobody else', async (t) => {
  const [authority, stranger] = [await createAuthority(t), await createAuthority(t, 'another authority')];
  const files = await createPairFiles(t, await authority.issue('gateway'));
  const { app, produce } = await startWithHeldTopic(t, {
    GATEWAY_TLS_CERTIFICATE_FILE: files.certificateFile,
    GATEWAY_TLS_KEY_FILE: files.keyFile,
  });
  const subscription = randomUUID();
  const run = (env: Record<string, string>, ...args: string[]) =>
    runOutboxctl(
      {
        ...{ OUTBOXCTL_GATEWAY: app.urls.adminGrpc, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
        ...(TEST_TOKEN !== undefined && { OUTBOXCTL_GATEWAY_TOKEN: TEST_TOKEN }),
        ...env,
      },
      ...args,
      '--json',
    );
  const trusted = { OUTBOXCTL_GATEWAY_CA_FILE: authority.caFile };
  const stream = recordConsume(
    t,
    app.urls.grpc,
    { subscription, rejectPolicy: policy() },
    { tls: { rootCertificates: authority.ca } },
  );
  await stream.hasPartitions(12);
  const orderId = randomUUID();
  await produce(...orderEvents(orderId, 1));
  await stream.received(1);
  reject(stream, stream.events()[0], 'set aside');
  await stream.signal('rejected');

  const listed = await run(trusted, 'held', 'list', subscription);
  assert.equal(listed.code, 0, listed.stderr);
  const { orders } = JSON.parse(listed.stdout) as { orders: { order_id: string }[] };
  assert.deepEqual(
    orders.map((order) => order.order_id),
    [orderId],
  );
  const requeued = await run(trusted, 'held', 'requeue', subscription, orderId);
  assert.deepEqual(JSON.parse(requeued.stdout), { requeued_orders: '1', pending: false }, requeued.stderr);
  await hasVersions(stream, orderId, [1, 1]);

  const refused: [string, Record<string, string>, RegExp][] = [
    ['in clear text', {}, /gateway .*: .*UNAVAILABLE/],
    ['by another authority', { OUTBOXCTL_GATEWAY_CA_FILE: stranger.caFile }, /certificate/],
    [
      'with a file that is not there',
      { OUTBOXCTL_GATEWAY_CA_FILE: `${stranger.caFile}.none` },
      /no such file/,
    ],
  ];
  for (const [how, env, reason] of refused) {
    const { code, stdout, stderr } = await run(env, 'held', 'list', subscription);
    assert.deepEqual([code, stdout], [1, ''], how);
    assert.match(stderr, reason, how);
  }
});
