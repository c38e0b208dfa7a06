import { ensurePartitionCount } from './ensure-partition-count.ts';
import { ensureTopic, type TopicSettings } from './ensure-topic.ts';
import { createTopicCluster, type KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** Nothing in it is too old: what is held waits until somebody decides. */
const HELD_TOPIC_CONFIG = { 'cleanup.policy': 'compact', 'retention.ms': '-1' };

/** Where gateways keep the events of held orders: a compacted topic with the partitions of the events' topic. */
export function heldTopicName(topic: string): string {
  return `${topic}.held`;
}

/** Creates the topic of held events unless it is there, and gives it as many partitions as that of the events has. */
export async function ensureHeldTopic(
  connection: KafkaConnectionConfig,
  { topic, partitions, replicationFactor }: Omit<TopicSettings, 'config'>,
  signal: AbortSignal,
): Promise<void> {
  const held = { topic: heldTopicName(topic), partitions };
  await ensureTopic(connection, { ...held, replicationFactor, config: HELD_TOPIC_CONFIG }, signal, {
    mayHaveFewer: true,
  });
  await ensurePartitionCount(connection, held, signal);
}

/** Gives the topic of held events as many partitions as that of the events is to have. False when there is none: nothing was ever held. */
export async function enlargeHeldTopic(
  connection: KafkaConnectionConfig,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
  signal: AbortSignal,
): Promise<boolean> {
  const cluster = createTopicCluster(connection, heldTopicName(topic));
  try {
    await cluster.refresh(signal);
  } catch (error) {
    if (error instanceof KafkaProtocolError && error.code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION)
      return false;
    throw error;
  } finally {
    cluster.close();
  }
  await ensurePartitionCount(connection, { topic: heldTopicName(topic), partitions }, signal);
  return true;
}
