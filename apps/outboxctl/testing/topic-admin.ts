import { withKafkaAdmin } from '../../../test/harness/kafka-admin.ts';
import type { OutboxState } from './outbox-state.ts';

/** Deletes the records of a partition before `offset`, as retention would. */
export function deleteRecords(state: OutboxState, partition: number, offset: bigint): Promise<void> {
  return withKafkaAdmin(state, async (admin) => {
    // Only so does the client learn who leads the partition.
    await admin.fetchTopicOffsets(state.topic);
    await admin.deleteTopicRecords({
      topic: state.topic,
      partitions: [{ partition, offset: String(offset) }],
    });
  });
}

export function addPartitions(state: OutboxState, count: number): Promise<void> {
  return withKafkaAdmin(state, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: state.topic, count }] });
  });
}
