import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import kafkajs from 'kafkajs';
import { createTestTopic, eventually, startKafka } from '../../../../test/harness/index.ts';
import { sendUnreadable } from '../../testing/unreadable-batches.ts';
import { withKafkaAdmin } from '../../../../test/harness/kafka-admin.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import type { FollowHandlers } from './log-follow.ts';
import type { PartitionPositions } from '../cluster/log-offsets.ts';
import { createLogReader } from './log-reader.ts';

interface Follower {
  readonly values: string[];
  readonly changes: string[];
  readonly ended: Promise<void>;
  stop(): void;
}

function follow(
  t: TestContext,
  target: { brokers: readonly string[]; topic: string },
  positions: PartitionPositions,
  handlers: Partial<FollowHandlers> = {},
): Follower {
  const reader = createLogReader({ ...target, clientId: 'follower', requestTimeoutMs: 1_000 });
  const abort = new AbortController();
  const values: string[] = [];
  const changes: string[] = [];
  const ended = reader.follow(
    positions,
    {
      onBatch: ({ partition, records }) => {
        for (const { value } of records) values.push(`${partition}:${String(value)}`);
      },
      onAvailable: () => changes.push('available'),
      onUnavailable: () => changes.push('unavailable'),
      onOutOfRange: () => assert.fail('no position is out of range'),
      ...handlers,
    },
    abort.signal,
  );
  ended.catch(() => {}); // each test says how its follower ends
  t.after(() => {
    abort.abort();
    reader.close();
  });
  return { values, changes, ended, stop: () => abort.abort() };
}

const start = (...partitions: number[]): PartitionPositions =>
  new Map(partitions.map((partition) => [partition, 0n]));

async function send(
  { brokers, topic }: { brokers: string[]; topic: string },
  ...values: readonly (readonly [partition: number, value: string])[]
): Promise<void> {
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  for (const [partition, value] of values) await producer.send({ topic, messages: [{ partition, value }] });
  await producer.disconnect();
}

test('old records and new ones come in order, from the given positions of the given partitions', async (t) => {
  const target = await createTestTopic(t, { partitions: 3 });
  await send(target, [0, 'a'], [0, 'b'], [1, 'c'], [2, 'not followed']);
  const positions = new Map([
    [0, 1n],
    [1, 0n],
  ]);
  const follower = follow(t, target, positions);
  await eventually(() => assert.deepEqual(follower.values.toSorted(), ['0:b', '1:c']));
  await send(target, [0, 'd'], [2, 'not followed'], [0, 'e']);
  await eventually(() => assert.deepEqual(follower.values.slice(2), ['0:d', '0:e']));
  assert.deepEqual(follower.changes, ['available']);
  follower.stop();
  await follower.ended;
  assert.deepEqual(positions.get(0), 1n, "the caller's positions stay as they are");
});

test('a broker that is not there at the start is waited for', async (t) => {
  const kafka = await startKafka(t);
  const target = { brokers: kafka.brokers, topic: `follow-${randomUUID()}` };
  await kafka.stop();
  const follower = follow(t, target, start(0));
  await eventually(() => assert.deepEqual(follower.changes, ['unavailable']));
  await kafka.start();
  // The topic is not there either, for a while.
  await ensureTopic(
    { brokers: target.brokers, clientId: 'test' },
    { topic: target.topic, partitions: 1, replicationFactor: 1 },
  );
  await send(target, [0, 'first']);
  await eventually(() => assert.deepEqual(follower.values, ['0:first']));
  assert.deepEqual(follower.changes, ['unavailable', 'available']);
});

test('nothing more is read until the handler has taken the batch', async (t) => {
  const target = await createTestTopic(t, { partitions: 1 });
  await send(target, [0, 'a']);
  const gate = Promise.withResolvers<void>();
  const taken: string[] = [];
  const follower = follow(t, target, start(0), {
    async onBatch({ records }) {
      taken.push(...records.map(({ value }) => String(value)));
      if (taken.length === 1) await gate.promise;
    },
  });
  await eventually(() => assert.deepEqual(taken, ['a']));
  await send(target, [0, 'b']);
  follower.stop();
  let over = false;
  const ended = follower.ended.then(() => (over = true));
  await new Promise(setImmediate);
  assert.equal(over, false, 'follow ends after the batch that is under way');
  gate.resolve();
  await ended;
  assert.deepEqual(taken, ['a']);
});

test('a position that the log has deleted is moved where the handler says', async (t) => {
  const target = await createTestTopic(t, { partitions: 2 });
  await send(target, [0, 'gone'], [0, 'gone'], [0, 'left'], [1, 'other']);
  await withKafkaAdmin(target, async (admin) => {
    await eventually(() => admin.fetchTopicOffsets(target.topic)); // kafkajs deletes only from topics it has heard of
    await admin.deleteTopicRecords({ topic: target.topic, partitions: [{ partition: 0, offset: '2' }] });
  });
  const asked: unknown[] = [];
  const follower = follow(t, target, start(0, 1), {
    onOutOfRange(partition, logStartOffset, highWatermark) {
      asked.push([partition, logStartOffset, highWatermark]);
      return logStartOffset;
    },
  });
  await eventually(() => assert.deepEqual(follower.values.toSorted(), ['0:left', '1:other']));
  assert.deepEqual(asked, [[0, 2n, 3n]]);
  assert.deepEqual(follower.changes, ['available']);
});

test('a position beyond the end is asked about too', async (t) => {
  const target = await createTestTopic(t, { partitions: 1 });
  await send(target, [0, 'a']);
  const follower = follow(t, target, new Map([[0, 50n]]), {
    onOutOfRange: (_, logStartOffset) => logStartOffset,
  });
  await eventually(() => assert.deepEqual(follower.values, ['0:a']));
});

test('a topic that was created again ends it', async (t) => {
  const target = await createTestTopic(t, { partitions: 1 });
  await send(target, [0, 'a']);
  const follower = follow(t, target, start(0));
  await eventually(() => assert.deepEqual(follower.values, ['0:a']));
  await withKafkaAdmin(target, async (admin) => {
    await admin.deleteTopics({ topics: [target.topic] });
    await eventually(() => admin.createTopics({ topics: [{ topic: target.topic, numPartitions: 1 }] }));
  });
  await assert.rejects(follower.ended, { name: 'TopicRecreatedError' });
});

test('what a handler throws ends it', async (t) => {
  const target = await createTestTopic(t, { partitions: 1 });
  await send(target, [0, 'a']);
  const follower = follow(t, target, start(0), {
    onBatch: () => Promise.reject(new Error('cannot take it')),
  });
  await assert.rejects(follower.ended, /cannot take it/);
});

test('a partition that cannot be decoded is told, and the others go on', async (t) => {
  const target = await createTestTopic(t, { partitions: 2 });
  await sendUnreadable(target.connection, target.topic, 0);
  const errors: string[] = [];
  const onPartitionLost = (_partition: number, error: Error) => void errors.push(error.message);
  const follower = follow(t, target, start(0, 1), { onPartitionLost });
  // A busy broker may be told as well.
  await eventually(() =>
    assert.match(errors.join('\n'), /partition 0 cannot be read from offset 0 up to 1: .* gzip/),
  );
  await eventually(async () => {
    await send(target, [1, 'readable']);
    assert.ok(follower.values.includes('1:readable'));
  });
});
