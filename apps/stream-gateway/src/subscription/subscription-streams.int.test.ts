import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { createOrderStreamClient, decodeErrorDetails, OrderStatus } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../../test/harness/index.ts';
import { runKafkaTool } from '../../../../tools/stack/index.ts';
import { recordConsume } from '../../testing/consume-recorder.ts';
import { startGateway } from '../../testing/gateway-app.ts';
import { orderEvent } from '../../testing/order-events.ts';

/** Other tests use the same Kafka. */
const newSubscription = () => `test.${randomUUID()}`;
const EARLIEST = { position: { $case: 'earliest' as const, value: true } };
const PENDING = { statuses: [OrderStatus.PENDING] };

test('what a stream acknowledges is where its subscription stands, also after the stream, until it is moved', async (t) => {
  const { app, produce } = await startGateway(t);
  const subscription = newSubscription();
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
  assert.deepEqual(after, { name: subscription, committedToken: latestToken, backlogEvents: 0n, members: 1 });
  await assert.rejects(client.seekSubscription({ name: subscription, position: EARLIEST }), { code: Status.FAILED_PRECONDITION }); // prettier-ignore
  await assert.rejects(client.deleteSubscription({ name: subscription }), { code: Status.FAILED_PRECONDITION }); // prettier-ignore
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

test("Kafka's own tool shows the streams of a subscription as members, with what each is behind", async (t) => {
  const { app, brokers, topic, produce } = await startGateway(t);
  const subscription = newSubscription();
  const one = recordConsume(t, app.urls.grpc, { subscription });
  const two = recordConsume(t, app.urls.grpc, { subscription });
  await Promise.all([one.hasPartitions(6), two.hasPartitions(6)]);
  await produce(...Array.from({ length: 30 }, () => orderEvent()));
  one.acknowledgeAll();
  two.acknowledgeAll();

  await eventually(
    async () => {
      const { stdout } = await runKafkaTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        ...['--bootstrap-server', brokers.join(), '--describe', '--group', `orders-stream.${subscription}`],
      ]);
      const rows = stdout.split('\n').flatMap((line) => (line.includes(topic) ? [line.split(/\s+/)] : []));
      // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
      const byMember = Map.groupBy(rows, (row) => row[6]);
      assert.deepEqual(Array.from(byMember.values(), (mine) => mine.length), [6, 6]); // prettier-ignore
      assert.ok(
        rows.every((row) => row[5] === '0' && row[3] === row[4]),
        stdout,
      );
      const ends = rows.reduce((sum, row) => sum + Number(row[4]), 0);
      assert.equal(ends, 30);
    },
    { deadlineMs: 60_000 },
  );
});
