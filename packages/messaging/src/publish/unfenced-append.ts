import { createTopicCluster, type KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';
import { encodeRecordBatch, type WrittenRecord } from '../wire/record-batch-encoding.ts';
import { createGroupedProduce } from './grouped-produce.ts';

/** Appends records that do no harm when they are there twice, whoever else writes the topic. */
export interface UnfencedAppender {
  /**
   * Appends all of them at once, to all in-sync replicas, and answers the offset of the first. Tries once: rejects when Kafka is away, or
   * the topic is missing or must not be written; they may be there all the same.
   */
  append(partition: number, records: readonly WrittenRecord[], signal: AbortSignal): Promise<bigint>;
  /** Nothing is written to another cluster from now on. */
  belongTo(clusterId: string): void;
  close(): void;
}

const REPLICATION_MS = 1_000;
/** Twice does no harm, so no sequence is kept. */
const NO_IDENTITY = { producerId: '-1', producerEpoch: -1 };
/** The broker's time is as good as any: the clock of this process may be one that it refuses. */
const NO_TIMESTAMP = -1;

/** Connects with the first call. `what` names the records in errors. */
export function createUnfencedAppender(
  connection: KafkaConnectionConfig,
  topic: string,
  what: string,
): UnfencedAppender {
  const cluster = createTopicCluster(connection, topic);
  const produce = createGroupedProduce(cluster, REPLICATION_MS);

  /** A request takes one batch of a partition. */
  const underWay = new Map<number, Promise<unknown>>();

  /** Each call of a partition behind the one before, whatever becomes of that. */
  function inTurn<T>(partition: number, work: () => Promise<T>): Promise<T> {
    const done = (underWay.get(partition) ?? Promise.resolve()).then(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    underWay.set(partition, settled);
    void settled.then(() => underWay.get(partition) === settled && underWay.delete(partition));
    return done;
  }

  async function send(partition: number, batch: Buffer, signal: AbortSignal): Promise<bigint> {
    const attempt = await produce.send(partition, batch, signal);
    if (attempt.kind === 'failed') throw attempt.error;
    const { errorCode, baseOffset } = attempt.answer;
    if (errorCode === 0) return baseOffset;
    throw new KafkaProtocolError(errorCode, `${what} in ${topic}`, 'Write on the topic');
  }

  return {
    async append(partition, records, signal) {
      const batch = encodeRecordBatch({
        identity: NO_IDENTITY,
        sequence: -1,
        timestampMs: NO_TIMESTAMP,
        records,
      });
      try {
        return await inTurn(partition, () => send(partition, batch, signal));
      } catch (error) {
        // The leader may be another one now, or the topic be there.
        await cluster.refresh(signal).catch(() => undefined);
        throw error;
      }
    },
    belongTo: (clusterId) => cluster.belongTo(clusterId),
    close: () => cluster.close(),
  };
}
