import {
  createTopicCluster,
  type KafkaConnectionConfig,
  type TopicCluster,
} from '../cluster/topic-cluster.ts';
import { createTopic } from '../topic/ensure-topic.ts';
import { untilTopicReady } from '../topic/until-topic-ready.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** Where it is told up to which time the partitions of a topic are complete: a compacted topic of its own, with one partition. */
export function completeTopicName(topic: string): string {
  return `${topic}.complete`;
}

/** Small segments, since only closed ones are compacted: whoever begins to read has little before it. */
const COMPLETE_CONFIG = {
  'cleanup.policy': 'compact',
  'retention.ms': '-1',
  'segment.bytes': String(4 * 1024 * 1024),
  'segment.ms': String(10 * 60 * 1_000),
  'min.cleanable.dirty.ratio': '0.01',
};
const DEFAULT_WAIT_MS = 30_000;

/** Creates it beside its topic, with as many copies, unless it is there. Rejects as `ensureTopic` does. */
export async function ensureCompleteTopic(
  connection: KafkaConnectionConfig,
  topic: string,
  signal: AbortSignal = AbortSignal.timeout(DEFAULT_WAIT_MS),
): Promise<void> {
  const events = createTopicCluster(connection, topic);
  try {
    const { replicationFactor } = await events.refresh(signal);
    const ready = (cluster: TopicCluster) => isReady(cluster, replicationFactor, signal);
    await untilTopicReady(connection, completeTopicName(topic), ready, signal);
  } finally {
    events.close();
  }
}

async function isReady(
  cluster: TopicCluster,
  replicationFactor: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await cluster.refresh(signal);
    return true;
  } catch (error) {
    if (!(error instanceof KafkaProtocolError) || error.code !== ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION)
      throw error;
    const settings = { topic: cluster.topic, partitions: 1, replicationFactor, config: COMPLETE_CONFIG };
    await createTopic(cluster, settings, signal);
    return false;
  }
}
