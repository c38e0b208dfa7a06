import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import type { PublishableEvent } from '@order-events/domain';
import kafkajs, { type Admin } from 'kafkajs';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { createKafkaPublisher } from '../publish/kafka-publisher.ts';
import { createLogReader } from './log-reader.ts';

const soon = () => AbortSignal.timeout(30_000);

async function setUp(t: TestContext, partitions = 1) {
  const { connection, topic } = await createTestTopic(t, { partitions });
  const client = { ...connection, clientId: 'test', topic };
  const publisher = createKafkaPublisher({ ...client, transactionalIdPrefix: `test-${randomUUID()}` });
  const admin = new kafkajs.Kafka({ ...connection, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(async () => {
    await publisher.close();
    await admin.disconnect();
  });
  return { client, topic, publisher, admin };
}

function createEvents(partition: number, count: number, value = '{}'): PublishableEvent[] {
  return Array.from({ length: count }, () => {
    const eventId = randomUUID();
    return { eventId, key: eventId, partition, value, headers: { ce_id: eventId } };
  });
}

async function readEventIds(client: Parameters<typeof createLogReader>[0]): Promise<string[]> {
  const reader = createLogReader(client);
  const eventIds: string[] = [];
  try {
    await reader.read(
      await reader.offsets('earliest'),
      await reader.offsets('latest'),
      ({ records }) => void eventIds.push(...records.map(({ headers }) => String(headers.ce_id))),
      soon(),
    );
  } finally {
    reader.close();
  }
  return eventIds;
}

const idsOf = (events: readonly PublishableEvent[]) => events.map(({ eventId }) => eventId);
const kindsOf = (outcomes: readonly { kind: string }[]) => outcomes.map(({ kind }) => kind);

/** Resolves when the topic is away, for whoever asks any broker of this cluster of one. */
async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await eventually(async () => assert.ok(!(await admin.listTopics()).includes(topic)));
}

for (const [before, how] of [
  [5, 'shorter than the old one'],
  [1, 'longer than the old one'],
] as const) {
  test(`a topic created again, ${how}, is noticed by its writer, and nothing in it is doubled`, (t) =>
    publishIntoNewTopic(t, before));
}

async function publishIntoNewTopic(t: TestContext, countBefore: number): Promise<void> {
  const { client, topic, publisher, admin } = await setUp(t);
  const { topicId, endOffset } = await publisher.claim(0, 0n, soon());
  const before = await publisher.publish(createEvents(0, countBefore), soon());
  assert.ok(before.every(({ kind }) => kind === 'published'));

  await deleteTopic(admin, topic);
  await ensureTopic(client, { topic, partitions: 1, replicationFactor: 1 });
  const events = createEvents(0, 3);
  const outcomes = await publisher.publish(events, soon());

  for (const outcome of outcomes) {
    assert.equal(outcome.kind, 'unknown');
    assert.match(
      outcome.kind === 'unknown' ? outcome.reason : '',
      /truncated or the topic created again|SEQUENCE|PRODUCER/,
    );
  }
  const claim = await publisher.claim(0, endOffset + BigInt(countBefore), soon());
  assert.notEqual(claim.topicId, topicId);
  assert.equal(claim.truncated, true);
  const missing = events.filter(({ eventId }) => !claim.publishedIds.has(eventId));
  await publisher.publish(missing, soon());
  assert.deepEqual((await readEventIds(client)).toSorted(), idsOf(events).toSorted());
}

test('while the topic is deleted nothing is published and nothing fails; the events go into the next one', async (t) => {
  const { client, topic, publisher, admin } = await setUp(t);
  await publisher.claim(0, 0n, soon());
  await deleteTopic(admin, topic);
  const events = createEvents(0, 2);

  const outcomes = await publisher.publish(events, AbortSignal.timeout(1_000));
  assert.ok(outcomes.every(({ kind }) => kind === 'held' || kind === 'unknown'));
  await assert.rejects(publisher.describeTopic(soon()), /UNKNOWN_TOPIC_OR_PARTITION/);

  await ensureTopic(client, { topic, partitions: 1, replicationFactor: 1 });
  const { publishedIds } = await publisher.claim(0, 0n, soon());
  await publisher.publish(
    events.filter(({ eventId }) => !publishedIds.has(eventId)),
    soon(),
  );
  assert.deepEqual(await readEventIds(client), idsOf(events));
});

test('partitions that are added are told, and what is claimed goes on', async (t) => {
  const { topic, publisher, admin } = await setUp(t, 2);
  await publisher.claim(1, 0n, soon());
  await assert.rejects(publisher.claim(2, 0n, soon()), /UNKNOWN_TOPIC_OR_PARTITION/);

  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });

  await eventually(async () => assert.equal((await publisher.describeTopic(soon())).partitionCount, 3));
  assert.deepEqual(kindsOf(await publisher.publish(createEvents(1, 2), soon())), ['published', 'published']);
});

test('with the limit of the topic lowered a large event is refused, with it raised it is taken', async (t) => {
  const { client, topic, publisher, admin } = await setUp(t);
  await publisher.claim(0, 0n, soon());
  const setLimit = (bytes: number) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'max.message.bytes', value: String(bytes) }],
        },
      ],
    });

  await setLimit(100_000);
  const { large, refused } = await eventually(async () => {
    // Another one each time: before the broker goes by the limit it takes them.
    const events = createEvents(0, 1, 'x'.repeat(900_000));
    const [outcome] = await publisher.publish(events, soon());
    assert.equal(outcome?.kind, 'refused');
    return { large: events, refused: outcome };
  });
  assert.match(refused.kind === 'refused' ? refused.reason : '', /MESSAGE_TOO_LARGE/);
  await setLimit(1_000_000);
  await eventually(async () =>
    assert.deepEqual(kindsOf(await publisher.publish(large, soon())), ['published']),
  );
  const published = await readEventIds(client);
  assert.deepEqual(published.slice(published.indexOf(idsOf(large)[0]!)), idsOf(large));
});
