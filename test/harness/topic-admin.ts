import assert from 'node:assert/strict';
import { eventually } from './eventually.ts';
import { type KafkaConnection, withKafkaAdmin } from './kafka-admin.ts';

type NamedTopic = KafkaConnection & { readonly topic: string };

/** What retention does, at once: the records of some partitions before an offset are no longer in the topic. */
export function deleteRecords(topic: NamedTopic, before: ReadonlyMap<number, bigint>): Promise<void> {
  return withKafkaAdmin(topic, async (admin) => {
    // Only so does the client learn who leads the partitions, and a new topic may take a moment until somebody does.
    await eventually(() => admin.fetchTopicOffsets(topic.topic));
    const partitions = [...before].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    await admin.deleteTopicRecords({ topic: topic.topic, partitions });
  });
}

/** `count` is that of all partitions afterwards. Waits until the broker knows them: the controller confirms before that. */
export function addPartitions(topic: NamedTopic, count: number): Promise<void> {
  return withKafkaAdmin(topic, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: topic.topic, count }] });
    await eventually(async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic.topic] });
      assert.equal(topics[0]?.partitions.length, count);
    });
  });
}

/** Deletes the topic and creates another one of the same name. */
export function recreateTopic(topic: NamedTopic, numPartitions: number): Promise<void> {
  return withKafkaAdmin(topic, async (admin) => {
    await admin.deleteTopics({ topics: [topic.topic] });
    // The name is free a moment after the deletion is confirmed.
    await eventually(() => admin.createTopics({ topics: [{ topic: topic.topic, numPartitions }] }));
  });
}

/** First offset and the one after the last, in the order of the partitions. */
export function offsetRange(
  topic: NamedTopic,
): Promise<{ readonly earliest: bigint[]; readonly latest: bigint[] }> {
  return withKafkaAdmin(topic, async (admin) => {
    const offsets = await eventually(() => admin.fetchTopicOffsets(topic.topic));
    const sorted = offsets.toSorted((a, b) => a.partition - b.partition);
    return {
      earliest: sorted.map(({ low }) => BigInt(low)),
      latest: sorted.map(({ high }) => BigInt(high)),
    };
  });
}
