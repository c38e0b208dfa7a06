import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { encodeOrderEvent, ensureHeldTopic, keyHash } from '@order-events/messaging';
import { orderEvents, policy, reject, versions } from '../../apps/stream-gateway/testing/rejecting-stream.ts';
import { recordConsume } from '../../apps/stream-gateway/testing/consume-recorder.ts';
import { createOutboxState, type OutboxState } from '../../apps/outboxctl/testing/outbox-state.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { eventually, startApp } from '../harness/index.ts';
import { TEST_TOKEN } from '../harness/test-access.ts';

const [FORMER, LATTER] = [12, 24];
const RETRY_MS = 30_000;

/** So many orders, half of which the resize moves. */
function createOrders(count: number): string[] {
  const moves = (orderId: string) => keyHash(orderId) % LATTER >= FORMER;
  const orders: string[] = [];
  while (orders.length < count) {
    const orderId = randomUUID();
    if (moves(orderId) === (orders.length % 2 === 0)) orders.push(orderId);
  }
  return orders;
}

async function append({ pool }: OutboxState, orderIds: readonly string[], ...given: number[]): Promise<void> {
  for (const event of orderIds.flatMap((orderId) => orderEvents(orderId, ...given))) {
    const { orderId } = event.order;
    await pool.query(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, $4, $5)`,
      [orderId, keyHash(orderId), event.eventId, event.eventType, encodeOrderEvent(event)],
    );
  }
}

test('what is held, due and asked for when the topic is resized comes in order afterwards, and nothing overtakes it', async (t) => {
  const state = await createOutboxState(t, FORMER);
  const { brokers, topic } = state;
  const held = { topic, partitions: FORMER, replicationFactor: 1 };
  await ensureHeldTopic({ brokers, clientId: 'test' }, held, AbortSignal.timeout(60_000));
  const kafka = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };
  const [gateway] = await Promise.all([
    startApp(t, 'stream-gateway', kafka),
    startApp(t, 'relay', state.env),
  ]);
  const subscription = randomUUID();
  const operator = async (verb: string, ...args: string[]) => {
    const env = {
      ...{ ...state.env, OUTBOXCTL_GATEWAY: gateway.urls.adminGrpc },
      ...(TEST_TOKEN !== undefined && { OUTBOXCTL_GATEWAY_TOKEN: TEST_TOKEN }),
    };
    const { code, stdout, stderr } = await runOutboxctl(env, 'held', verb, subscription, ...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const consume = () => recordConsume(t, gateway.urls.grpc, { subscription, rejectPolicy: policy() });
  const [due, asked, aside, free] = [createOrders(4), createOrders(4), createOrders(4), createOrders(8)];
  const all = [...due, ...asked, ...aside, ...free];

  const before = consume();
  await before.hasPartitions(FORMER);
  await append(state, all, 1, 2);
  await before.received(2 * all.length);
  for (const orderId of [...due, ...asked, ...aside]) {
    const from = before.messages.length;
    const first = before.events().find((event) => event.orderId === orderId);
    // Those that come again by themselves do so after the resize: the stream has ended by then.
    reject(before, first, due.includes(orderId) ? RETRY_MS : 'set aside');
    await before.signal('rejected', from);
  }
  before.acknowledge();
  await before.signal('acknowledged');
  await before.cancel();
  for (const orderId of asked) {
    assert.deepEqual(await operator('requeue', orderId), { requeued_orders: '1', pending: true });
  }

  const resized = await state.runJson('resize', '--partitions', String(LATTER), '--yes');
  assert.equal(resized.code, 0, resized.stderr);
  const listed = (await operator('list')) as { orders: { order_id: string; event_count: string }[] };
  assert.deepEqual(
    new Map(listed.orders.map((order) => [order.order_id, order.event_count])),
    new Map([...due, ...asked, ...aside].map((orderId) => [orderId, '2'])),
    'all that was held is found',
  );
  await append(state, all, 3, 4);

  const after = consume();
  after.acknowledgeAll();
  await after.hasPartitions(LATTER);
  const have = (orderIds: readonly string[], wanted: readonly number[]) =>
    eventually(
      () => {
        const seen = orderIds.map((orderId) => versions(after.events(), orderId).slice(0, wanted.length));
        assert.deepEqual(
          seen,
          orderIds.map(() => wanted),
        );
      },
      { deadlineMs: 60_000 },
    );
  await have([...due, ...asked], [1, 2]);
  assert.deepEqual(
    aside.flatMap((orderId) => versions(after.events(), orderId)),
    [],
    'what waits for a decision, and what follows of it elsewhere, is not sent',
  );
  await operator('requeue', '--all');
  await have([...due, ...asked, ...aside], [1, 2, 3, 4]);
  await have(free, [3, 4]);
  assert.equal(after.events().length, 4 * 12 + 2 * free.length, 'and nothing twice');
  await eventually(async () => assert.deepEqual((await operator('list'))['orders'], []));
});
