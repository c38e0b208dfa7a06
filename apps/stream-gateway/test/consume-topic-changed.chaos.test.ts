import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { createConsumerGroups, ensurePartitionCount } from '@order-events/messaging';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { recreateTopic } from '../../../test/harness/topic-admin.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const newEvents = (count: number) => Array.from({ length: count }, () => orderEvent());
const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId).toSorted();

test('a topic that is created again ends the streams of a subscription, which then begins anew', async (t) => {
  const { app, brokers, topic, produce } = await startGateway(t);
  const subscription = `test.${randomUUID()}`;
  const stream = recordConsume(t, app.urls.grpc, { subscription });
  await produce(...newEvents(40));
  await stream.received(40);
  stream.acknowledge();
  await stream.signal('acknowledged');

  await recreateTopic({ brokers, topic }, 12);
  assert.equal((await stream.ended).code, Status.UNAVAILABLE);

  // Fewer than before: a position of the old topic would be beyond the end of the new one.
  const fresh = newEvents(5);
  const producer = await createEventProducer(t, { brokers, topic });
  await producer.produce(...fresh);
  const again = await eventually(async () => {
    const next = recordConsume(t, app.urls.grpc, { subscription });
    const { code } = await Promise.race([next.ended, next.received(5).then(() => ({ code: Status.OK }))]);
    assert.equal(code, Status.OK);
    return next;
  });
  assert.deepEqual(ids(again.events()), ids(fresh));
});

test('partitions that are added are shared among the streams, and read from their beginning', async (t) => {
  const { app, brokers, topic, produce } = await startGateway(t, { GATEWAY_PARTITION_CHECK_MS: '1000' });
  const subscription = `test.${randomUUID()}`;
  const streams = [1, 2].map(() => recordConsume(t, app.urls.grpc, { subscription }));
  await Promise.all(streams.map((stream) => stream.hasPartitions(6)));
  const before = newEvents(10);
  await produce(...before);

  const partitions = 14;
  await ensurePartitionCount(
    { brokers, clientId: 'test' },
    { topic, partitions },
    AbortSignal.timeout(30_000),
  );
  const producer = await createEventProducer(t, { brokers, topic, partitions });
  const after = newEvents(100);
  await producer.produce(...after);
  await eventually(
    () => {
      assert.deepEqual(
        streams.map((stream) => stream.partitions()?.length),
        [7, 7],
      );
      const got = new Set(streams.flatMap((stream) => stream.eventIds()));
      assert.deepEqual([...got].toSorted(), ids([...before, ...after]));
    },
    { patienceMs: 90_000 },
  );
});

test('a position beyond the end of the log is not taken for a place where events will come', async (t) => {
  const { app, brokers, topic, produce } = await startGateway(t);
  const subscription = `test.${randomUUID()}`;
  const groups = createConsumerGroups({ brokers, topic, clientId: 'test' });
  t.after(() => groups.close());
  const events = newEvents(30);
  await produce(...events);
  // As after a log was truncated.
  const position = new Map(Array.from({ length: 12 }, (_, partition) => [partition, 1_000n]));
  await groups.offsets.commit(`orders-stream.${topic}:${subscription}`, position, '');
  const stream = recordConsume(t, app.urls.grpc, { subscription });
  await stream.signal('gap');
  assert.deepEqual((await stream.received(30)).toSorted(), ids(events));
});
