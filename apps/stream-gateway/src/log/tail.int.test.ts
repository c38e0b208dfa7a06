import assert from 'node:assert/strict';
import test from 'node:test';
import { createLogReader, keyHash } from '@order-events/messaging';
import { createLogger } from '@order-events/runtime';
import kafkajs from 'kafkajs';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { sendUnreadable } from '../../../../packages/messaging/testing/unreadable-batches.ts';
import { createEventProducer } from '../../testing/event-producer.ts';
import { orderEvent } from '../../testing/order-events.ts';
import { LayoutUnreadError, type ReadLayout } from './layout-check.ts';
import { createOrderLog } from './order-log.ts';
import { createLogTail } from './tail.ts';
import { createWakeUp } from './wake-up.ts';

const NO_LISTENERS = { onSkipped: () => {}, onIngested: () => {}, onSourceChanged: () => {} };

function createTail(
  brokers: string[],
  topic: string,
  onUnreadable = (batch: Error): void => assert.fail(batch),
  readLayout: ReadLayout = () => Promise.resolve([]),
) {
  const orderLog = createOrderLog({
    ringBytes: 16 * 1024 * 1024,
    wakeUp: createWakeUp(),
    listeners: NO_LISTENERS,
  });
  const tail = createLogTail({
    orderLog,
    openReader: () => createLogReader({ brokers, topic, clientId: 'test' }),
    log: createLogger({ service: 'test', level: 'silent' }),
    readLayout,
    partitionCheckMs: 50,
    onUnreadable,
  });
  return { orderLog, tail };
}

test('the tail starts a little before the end of the log, so that clients which reconnect find their place in memory', async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const { produce } = await createEventProducer(t, { brokers, topic });
  const orderId = 'the-same';
  for (let round = 0; round < 6; round += 1) {
    await produce(...Array.from({ length: 200 }, () => orderEvent({ orderId })));
  }
  const { orderLog, tail } = createTail(brokers, topic);
  t.after(() => tail.stop());
  await tail.start(new AbortController().signal);
  const partition = await eventually(() => {
    const found = Array.from({ length: 12 }, (_, index) => index).find(
      (index) => orderLog.head(index) === 1_200n,
    );
    return found ?? assert.fail('the end is not reached');
  });
  assert.equal(orderLog.floor(partition), 200n);
  assert.equal(orderLog.end(partition), 1_200n);
});

test('partitions that are added while the tail runs are read from their beginning', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const { orderLog, tail } = createTail(brokers, topic);
  t.after(() => tail.stop());
  await tail.start(new AbortController().signal);
  await eventually(() => assert.ok(orderLog.source().available));
  assert.equal(orderLog.topic()?.partitionCount, 2);

  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  await admin.createPartitions({ topicPartitions: [{ topic, count: 12 }] });
  // The producer of the tests writes to any of twelve.
  const { produce } = await createEventProducer(t, { brokers, topic });
  await produce(...Array.from({ length: 100 }, () => orderEvent()));
  await eventually(() => {
    assert.equal(orderLog.topic()?.partitionCount, 12);
    const heads = Array.from({ length: 12 }, (_, partition) => orderLog.head(partition));
    assert.equal(
      heads.reduce((sum, head) => sum + head),
      100n,
    );
  });
});

test('while nobody can read where partitions have changed, a tail that starts reads nothing, and added partitions wait alone', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 12 });
  let isLayoutAway = true;
  const readLayout: ReadLayout = () =>
    isLayoutAway ? Promise.reject(new LayoutUnreadError(new Error('no leader'))) : Promise.resolve([]);
  const { orderLog, tail } = createTail(brokers, topic, undefined, readLayout);
  t.after(() => tail.stop());
  await tail.start(new AbortController().signal);
  const { produce } = await createEventProducer(t, { brokers, topic });
  const events = Array.from({ length: 48 }, () => orderEvent());
  await produce(...events);
  const read = () => {
    const count = orderLog.topic()?.partitionCount ?? 0;
    const heads = Array.from({ length: count }, (_, partition) => orderLog.head(partition));
    return heads.reduce((sum, head) => sum + head, 0n);
  };
  assert.equal(orderLog.topic(), undefined, 'it is not known what may be early');
  assert.ok(!orderLog.source().available);
  isLayoutAway = false;
  await eventually(() => assert.equal(read(), 48n));

  isLayoutAway = true;
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  await admin.createPartitions({ topicPartitions: [{ topic, count: 24 }] });
  await eventually(() => assert.equal(orderLog.waitingPartitions().length, 12));
  const resized = await createEventProducer(t, { brokers, topic, partitions: 24 });
  // The same orders once more: the half that has moved is where it waits.
  await resized.produce(...events);
  const stayed = events.filter(({ order }) => keyHash(order.orderId) % 24 < 12).length;
  await eventually(() => assert.equal(read(), 48n + BigInt(stayed)));
  assert.ok(orderLog.source().available);
  assert.equal(orderLog.topic()?.partitionCount, 12);

  isLayoutAway = false;
  await eventually(() => assert.equal(read(), 96n));
  assert.deepEqual(orderLog.waitingPartitions(), []);
});

test('a batch that cannot be read is passed as a gap, and neither its partition nor the others stand', async (t) => {
  const { brokers, topic, connection } = await createTestTopic(t, { partitions: 2 });
  await sendUnreadable(connection, topic, 0);
  await sendUnreadable(connection, topic, 1);
  const told: string[] = [];
  const { orderLog, tail } = createTail(brokers, topic, ({ message }) => told.push(message));
  t.after(() => tail.stop());
  await tail.start(new AbortController().signal);
  await eventually(() => assert.deepEqual([orderLog.head(0), orderLog.head(1)], [1n, 1n]));
  assert.match(
    told.toSorted().join(),
    /^partition 0 cannot be read from offset 0 up to 1: .*,partition 1 cannot be read/,
  );
  assert.ok(orderLog.blockAt(0, 0n)?.isGap);
  const { produce } = await createEventProducer(t, { brokers, topic, partitions: 2 });
  await produce(orderEvent(), orderEvent(), orderEvent(), orderEvent());
  await eventually(() => assert.equal(orderLog.head(0) + orderLog.head(1), 6n));
  assert.ok(orderLog.source().available);
});
