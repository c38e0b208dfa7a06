import { listAllOffsets } from '../cluster/log-offsets.ts';
import type { KafkaConnectionConfig, TopicCluster } from '../cluster/topic-cluster.ts';
import { untilTopicReady } from './until-topic-ready.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import { createPartitionsRequest } from '../wire/topic-admin.ts';

/**
 * Gives a topic more partitions, unless it has that many already, and waits until the leaders of all of them answer. While brokers are
 * away it tries again until `signal` aborts, and rejects with the last failure. Rejects at once when the topic has more, since Kafka
 * cannot take partitions away.
 */
export async function ensurePartitionCount(
  connection: KafkaConnectionConfig,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
  signal: AbortSignal,
): Promise<void> {
  await untilTopicReady(connection, topic, (cluster) => hasPartitions(cluster, partitions, signal), signal);
}

/** Adds the partitions when they are missing; the topic is not ready then. */
async function hasPartitions(
  cluster: TopicCluster,
  partitions: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { length } = (await cluster.refresh(signal)).leaders;
  if (length > partitions) {
    throw new Error(`topic ${cluster.topic} has ${length} partitions, and Kafka cannot take any away`);
  }
  if (length < partitions) {
    await createPartitions(cluster, partitions, signal);
    return false;
  }
  await listAllOffsets(cluster, 'latest', 'uncommitted', signal);
  return true;
}

async function createPartitions(cluster: TopicCluster, count: number, signal: AbortSignal): Promise<void> {
  const { topic } = cluster;
  const { errorCode, errorMessage } = await cluster.askAny(createPartitionsRequest(topic, count), signal);
  // Another command may have been quicker. The controller knows it before the brokers do, so looking again tells, soon.
  if (errorCode === 0 || errorCode === ERROR_CODE.INVALID_PARTITIONS) return;
  const what = `topic ${topic}: ${errorMessage ?? 'partitions not created'}`;
  throw new KafkaProtocolError(errorCode, what, 'Alter on the topic');
}
