import { randomUUID } from 'node:crypto';
import { attemptAnswered, attemptFailed } from '../src/publish/produce-attempt.ts';
import { judgeAttempt } from '../src/publish/append-result.ts';
import { createCoordinators } from '../src/group/coordinator-client.ts';
import type { KafkaPublisher } from '../src/publish/kafka-publisher.ts';
import type { LogWriter, LogWriterConfig } from '../src/publish/log-writer.ts';
import { type Fence, fencePartition } from '../src/publish/producer-fence.ts';
import { RETRY } from '../src/cluster/retry-figures.ts';
import { createRetryPause } from '../src/cluster/retry-pause.ts';
import { createTopicCluster, leaderOf } from '../src/cluster/topic-cluster.ts';
import { nextSequence, produceRequest } from '../src/wire/produce.ts';
import { encodeRecordBatch, type ProducerIdentity } from '../src/wire/record-batch-encoding.ts';
import {
  abortTransactionRequest,
  addPartitionRequest,
  initProducerIdRequest,
} from '../src/wire/transaction.ts';

// Wrong ways to write exactly once, each of which a test of the guarantee has to reject.

/** A higher epoch and nothing more: the broker takes what an older owner sends until the new one has written. */
export const withoutFence: Fence = async (ask, { transactionalId }) => {
  const { producerId, producerEpoch } = await ask(initProducerIdRequest(transactionalId));
  return { producerId, producerEpoch };
};

/** Each owner is a producer of its own, so nobody keeps anybody out. */
export const withIdOfItsOwn: Fence = (ask, target) =>
  // The coordinator of another id is this one only where there is one broker.
  fencePartition(ask, { ...target, transactionalId: `${target.transactionalId}-${randomUUID()}` });

/** Does not wait for the markers of the aborted transaction: until they are written nobody is fenced. */
export const fenceWithoutSecondInit: Fence = async (ask, { transactionalId, topic, partition }) => {
  const { producerId, producerEpoch } = await ask(initProducerIdRequest(transactionalId));
  const identity = { producerId, producerEpoch };
  await ask(addPartitionRequest(transactionalId, identity, topic, partition));
  await ask(abortTransactionRequest(transactionalId, identity));
  return identity;
};

/** Does not look what the former owner has published. */
export function withoutLedger(publisher: KafkaPublisher): KafkaPublisher {
  return {
    ...publisher,
    async claim(partition, fromOffset, signal) {
      return { ...(await publisher.claim(partition, fromOffset, signal)), publishedIds: new Set<string>() };
    },
  };
}

/** Sends a batch that was not acknowledged again under the next sequence: the broker cannot know it again. */
export function createResequencingWriter(config: LogWriterConfig): LogWriter {
  const cluster = createTopicCluster(config, config.topic);
  const coordinators = createCoordinators(cluster, 'transaction');
  const claims = new Map<number, { identity: ProducerIdentity; sequence: number }>();
  return {
    async claim(partition, signal) {
      const transactionalId = `${config.transactionalIdPrefix}-${partition}`;
      const fence = config.fence ?? fencePartition;
      const target = { transactionalId, topic: config.topic, partition };
      claims.set(partition, {
        identity: await fence(coordinators.ask(transactionalId, signal), target),
        sequence: 0,
      });
    },

    async append(partition, records, signal) {
      const claim = claims.get(partition);
      if (!claim) throw new Error(`partition ${partition} is not claimed`);
      const retry = createRetryPause(RETRY.delivery);
      for (let sent = false; ; sent = true) {
        if (signal.aborted || cluster.closed.aborted) {
          return sent ? { kind: 'unknown', reason: 'no answer in time' } : { kind: 'unsent' };
        }
        const batch = encodeRecordBatch({ ...claim, records, timestampMs: Date.now() });
        claim.sequence = nextSequence(claim.sequence, records.length);
        const wire = produceRequest({
          topic: config.topic,
          batches: [{ partition, batch }],
          timeoutMs: 1_000,
        });
        const attempt = await (sent ? cluster.refresh(signal) : cluster.metadata(signal))
          .then((metadata) => cluster.connection(leaderOf(partition, metadata), signal))
          .then((connection) => connection.send(wire, signal))
          .then((answers) => attemptAnswered(partition, answers))
          .catch((error: unknown) => attemptFailed(error, true));
        const verdict = judgeAttempt(attempt, `partition ${partition}`, sent);
        if ('result' in verdict) {
          return verdict.result.kind === 'misdated' ? { kind: 'unsent' } : verdict.result;
        }
        config.observer?.retried?.(partition, verdict.error);
        await retry.wait(signal);
      }
    },

    belongTo() {},
    release: (partition) => void claims.delete(partition),
    close: () => cluster.close(),
  };
}
