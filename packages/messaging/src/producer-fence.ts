import type { AskCoordinator } from './coordinator-client.ts';
import type { ProducerIdentity } from './wire/record-batch-encoding.ts';
import { abortTransactionRequest, addPartitionRequest, initProducerIdRequest } from './wire/transaction.ts';

/**
 * After epoch 32766 Kafka gives the id a new producer id, and markers of that one do not fence the owner of the old one. So nobody
 * owns a partition with an epoch near the end, also when some claims die half-way.
 */
const LAST_OWNED_EPOCH = 32_700;

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
  const fence = await ask(initProducerIdRequest(transactionalId));
  await ask(addPartitionRequest(transactionalId, fence, topic, partition));
  await ask(abortTransactionRequest(transactionalId, fence));
  let owner = await ask(initProducerIdRequest(transactionalId, fence));
  while (owner.producerEpoch > LAST_OWNED_EPOCH) {
    owner = await ask(initProducerIdRequest(transactionalId, owner));
  }
  return { producerId: owner.producerId, producerEpoch: owner.producerEpoch };
};
