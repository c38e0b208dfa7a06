import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { createOrderStreamClient, decodeErrorDetails, OrderStatus } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../../test/harness/index.ts';
import { recordConsume } from '../../testing/consume-recorder.ts';
import { startGateway } from '../../testing/gateway-app.ts';
import { orderEvent } from '../../testing/order-events.ts';

const EARLIEST = { position: { $case: 'earliest' as const, value: true } };
const PENDING = { statuses: [OrderStatus.PENDING] };

test('what a stream acknowledges is where its subscription stands, also after the stream, until it is moved', async (t) => {
  const { app, produce } = await startGateway(t);
  // Other tests use the same Kafka.
  const subscription = `test.${randomUUID()}`;
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const events = Array.from({ length: 20 }, () => orderEvent());
  await produce(...events);
  const ids = events.map(({ eventId }) => eventId).toSorted();

  const stream = recordConsume(t, app.urls.grpc, { subscription, filter: PENDING });
  assert.deepEqual((await stream.received(20)).toSorted(), ids);
  const before = (await client.getSubscription({ name: subscription })).subscription!;
  assert.deepEqual([before.backlogEvents, before.members], [20n, 1]);
  stream.acknowledge();
  await stream.signal('acknowledged');
  const { subscription: after } = await client.getSubscription({ name: subscription });
  const { latestToken } = await client.getReplayRange({});
  assert.deepEqual(after, {
    name: subscription,
    committedToken: latestToken,
    backlogEvents: 0n,
    members: 1,
    oldestUnacknowledgedLogTime: undefined,
  });
  await assert.rejects(client.seekSubscription({ name: subscription, position: EARLIEST }), {
    code: Status.FAILED_PRECONDITION,
  });
  await assert.rejects(client.deleteSubscription({ name: subscription }), {
    code: Status.FAILED_PRECONDITION,
  });
  stream.halfClose();
  assert.equal((await stream.ended).code, Status.OK);

  await client.seekSubscription({ name: subscription, position: EARLIEST });
  const other = recordConsume(t, app.urls.grpc, { subscription });
  const { code, trailer } = await other.ended;
  assert.equal(code, Status.FAILED_PRECONDITION);
  assert.equal(decodeErrorDetails(trailer).info?.reason, 'SUBSCRIPTION_FILTER_DIFFERS');
  const again = recordConsume(t, app.urls.grpc, { subscription, filter: PENDING });
  assert.deepEqual((await again.received(20)).toSorted(), ids);
  await again.cancel();

  await eventually(() => client.deleteSubscription({ name: subscription }));
  const fresh = recordConsume(t, app.urls.grpc, { subscription });
  assert.deepEqual((await fresh.received(20)).toSorted(), ids);
});
