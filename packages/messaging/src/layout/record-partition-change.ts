import { createTopic } from '../topic/ensure-topic.ts';
import { createGroupedProduce } from '../publish/grouped-produce.ts';
import {
  createTopicCluster,
  type KafkaConnectionConfig,
  type TopicCluster,
} from '../cluster/topic-cluster.ts';
import type { PartitionChange } from './topic-layout.ts';
import { layoutTopicName } from './topic-layout-reader.ts';
import { encodePartitionChange, layoutRecordKey } from './topic-layout-record.ts';
import { untilTopicReady } from '../topic/until-topic-ready.ts';
import type { BrokerAddress } from '../wire/broker-address.ts';
import { metadataRequest } from '../wire/metadata.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import { encodeRecordBatch } from '../wire/record-batch-encoding.ts';

/** Kept for as long as the topic: a reader may come to a boundary as late as retention lets it. */
const LAYOUT_CONFIG = { 'cleanup.policy': 'compact', 'retention.ms': '-1' };
const REPLICATION_MS = 4_000;
/** Sending it twice does no harm, so no sequence is kept. */
const NO_IDENTITY = { producerId: '-1', producerEpoch: -1 };

/**
 * Records a change of a topic's partitions, before it is made, where the readers of the topic look; makes the place where there is
 * none. Resolves when all in-sync replicas have it and every broker knows where it is. While brokers are away it tries again until `signal` aborts.
 */
export async function recordPartitionChange(
  connection: KafkaConnectionConfig,
  recorded: { readonly topic: string; readonly topicId: string; readonly change: PartitionChange },
  signal: AbortSignal,
): Promise<void> {
  const { topic, topicId, change } = recorded;
  const batch = encodeRecordBatch({
    identity: NO_IDENTITY,
    sequence: -1,
    timestampMs: Date.now(),
    records: [
      {
        key: layoutRecordKey(topicId, change.count),
        value: encodePartitionChange(topicId, change),
        headers: {},
      },
    ],
  });
  const events = createTopicCluster(connection, topic);
  try {
    const { replicationFactor } = await events.refresh(signal);
    const ready = (cluster: TopicCluster) => append(cluster, batch, replicationFactor, signal);
    await untilTopicReady(connection, layoutTopicName(topic), ready, signal);
  } finally {
    events.close();
  }
}

/** Creates the topic when it is missing; nothing is appended then. */
async function append(
  cluster: TopicCluster,
  batch: Buffer,
  replicationFactor: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await cluster.refresh(signal);
  } catch (error) {
    if (!(error instanceof KafkaProtocolError) || error.code !== ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION)
      throw error;
    await createTopic(
      cluster,
      { topic: cluster.topic, partitions: 1, replicationFactor, config: LAYOUT_CONFIG },
      signal,
    );
    return false;
  }
  const attempt = await createGroupedProduce(cluster, REPLICATION_MS).send(0, batch, signal);
  if (attempt.kind === 'failed') throw attempt.error;
  const { errorCode } = attempt.answer;
  if (errorCode !== 0) {
    throw new KafkaProtocolError(errorCode, `partition change in ${cluster.topic}`, 'Write on the topic');
  }
  await beKnownToAll(cluster, signal);
  return true;
}

/** A reader that asks a broker which has not heard of a new topic yet would take it that nothing was ever recorded. */
async function beKnownToAll(cluster: TopicCluster, signal: AbortSignal): Promise<void> {
  const { brokers } = await cluster.refresh(signal);
  const ask = async (address: BrokerAddress) => {
    const connection = await cluster.connection(address, signal);
    await connection.send(metadataRequest(cluster.topic), signal);
  };
  await Promise.all([...brokers.values()].map(ask));
}
