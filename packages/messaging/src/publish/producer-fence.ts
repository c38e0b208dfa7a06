import type { AskCoordinator } from '../group/coordinator-client.ts';
import type { ProducerIdentity } from '../wire/record-batch-encoding.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import {
  abortTransactionRequest,
  addPartitionRequest,
  initProducerIdRequest,
  TRANSACTION_TIMEOUT_MS,
} from '../wire/transaction.ts';

/**
 * After epoch 32766 Kafka gives the id a new producer id, and markers of that one do not fence the owner of the old one. So nobody
 * owns a partition with an epoch near the end, also when some claims die half-way.
 */
const LAST_OWNED_EPOCH = 32_700;
/** Where the brokers allow no more; below it, a busy coordinator would abort what is not yet ended. */
const LEAST_TRANSACTION_TIMEOUT_MS = 1_000;

/** A partition, and the transactional id whose holder owns it. */
export interface FenceTarget {
  readonly transactionalId: string;
  readonly topic: string;
  readonly partition: number;
}

/** Makes the caller the only writer of a partition. `ask` asks the coordinator of the transactional id. */
export type Fence = (ask: AskCoordinator, target: FenceTarget) => Promise<ProducerIdentity>;

/**
 * When it resolves, the broker refuses every append of an older owner of the transactional id to the partition, and the returned
 * identity may write idempotent batches from sequence 0 on.
 *
 * A new epoch alone does not fence: the partition learns of it with the first record of the new owner, and takes records of the old
 * one until then. So an empty transaction over the partition is aborted; its marker in the log carries the new epoch. The last
 * InitProducerId is answered once the marker is written, and only to the one whose marker is the newest: two claims whose steps mix
 * could else both end with an epoch that no marker fences. The fence lasts as long as the broker keeps the state of the producer
 * (`producer.id.expiration.ms`, a day after the last write by default).
 *
 * Rejects with a KafkaProtocolError (PRODUCER_FENCED, INVALID_PRODUCER_EPOCH) when another writer claims the partition meanwhile.
 */
export const fencePartition: Fence = async (ask, { transactionalId, topic, partition }) => {
  const { fence, timeoutMs } = await beginFence(ask, transactionalId);
  await ask(addPartitionRequest(transactionalId, fence, topic, partition));
  await ask(abortTransactionRequest(transactionalId, fence));
  let owner = await ask(initProducerIdRequest(transactionalId, fence, timeoutMs));
  while (owner.producerEpoch > LAST_OWNED_EPOCH) {
    owner = await ask(initProducerIdRequest(transactionalId, owner, timeoutMs));
  }
  return { producerId: owner.producerId, producerEpoch: owner.producerEpoch };
};

/** Brokers refuse a time-out above their `transaction.max.timeout.ms`; the transaction ends in milliseconds, so less will do. */
async function beginFence(
  ask: AskCoordinator,
  transactionalId: string,
): Promise<{ fence: ProducerIdentity; timeoutMs: number }> {
  const begin = async (timeoutMs: number) => ({
    fence: await ask(initProducerIdRequest(transactionalId, undefined, timeoutMs)),
    timeoutMs,
  });
  try {
    return await begin(TRANSACTION_TIMEOUT_MS);
  } catch (error) {
    const tooLong =
      error instanceof KafkaProtocolError && error.code === ERROR_CODE.INVALID_TRANSACTION_TIMEOUT;
    if (!tooLong) throw error;
    return begin(LEAST_TRANSACTION_TIMEOUT_MS);
  }
}
