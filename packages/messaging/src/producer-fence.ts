import { createRetryPause } from './retry-pause.ts';
import type { TopicCluster } from './topic-cluster.ts';
import type { BrokerAddress } from './wire/broker-address.ts';
import type { ProducerIdentity } from './wire/record-batch-encoding.ts';
import { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';
import {
  abortTransactionRequest,
  addPartitionRequest,
  type Coded,
  findCoordinatorRequest,
  initProducerIdRequest,
} from './wire/transaction.ts';
import type { WireRequest } from './wire/wire-request.ts';

const FIRST_RETRY_MS = 10;
const MAX_RETRY_MS = 100;
/**
 * After epoch 32766 Kafka gives the id a new producer id, and markers of that one do not fence the owner of the old one. So nobody
 * owns a partition with an epoch near the end, also when some claims die half-way.
 */
const LAST_OWNED_EPOCH = 32_700;

const LOST_COORDINATOR: ReadonlySet<number> = new Set([
  ERROR_CODE.COORDINATOR_NOT_AVAILABLE,
  ERROR_CODE.NOT_COORDINATOR,
]);
const TRY_AGAIN: ReadonlySet<number> = new Set([
  ...LOST_COORDINATOR,
  ERROR_CODE.COORDINATOR_LOAD_IN_PROGRESS,
  ERROR_CODE.CONCURRENT_TRANSACTIONS,
]);

/**
 * Makes the caller the only writer of a partition. When it resolves, the broker refuses every append of an older owner of the
 * transactional id there, and the returned identity may write idempotent batches from sequence 0 on.
 *
 * A new epoch alone does not fence: the partition learns of it with the first record of the new owner, and takes records of the old
 * one until then. So an empty transaction over the partition is aborted; its marker in the log carries the new epoch. The last
 * InitProducerId is answered once the marker is written. The fence lasts as long as the broker keeps the state of the
 * producer (`producer.id.expiration.ms`, a day after the last write by default).
 *
 * Rejects with a KafkaProtocolError (PRODUCER_FENCED, INVALID_PRODUCER_EPOCH) when another writer claims the partition meanwhile.
 */
export async function fencePartition(
  cluster: TopicCluster,
  transactionalId: string,
  partition: number,
  signal: AbortSignal,
): Promise<ProducerIdentity> {
  const ask = createCoordinatorClient(cluster, transactionalId, signal);
  const fence = await ask(initProducerIdRequest(transactionalId));
  await ask(addPartitionRequest(transactionalId, fence, cluster.topic, partition));
  await ask(abortTransactionRequest(transactionalId, fence));
  let owner = await ask(initProducerIdRequest(transactionalId));
  while (owner.producerEpoch > LAST_OWNED_EPOCH) owner = await ask(initProducerIdRequest(transactionalId));
  return { producerId: owner.producerId, producerEpoch: owner.producerEpoch };
}

/** Sends requests to the coordinator of a transactional id, wherever it is, and again while it is busy or moving. */
function createCoordinatorClient(
  cluster: TopicCluster,
  transactionalId: string,
  signal: AbortSignal,
): <T>(wire: WireRequest<Coded<T>>) => Promise<Coded<T>> {
  let coordinator: BrokerAddress | undefined;

  async function untilAnswered<T>(apiName: string, send: () => Promise<Coded<T>>): Promise<Coded<T>> {
    const retry = createRetryPause(FIRST_RETRY_MS, MAX_RETRY_MS);
    for (;;) {
      signal.throwIfAborted();
      const answer = await send();
      if (answer.errorCode === 0) return answer;
      if (!TRY_AGAIN.has(answer.errorCode)) {
        throw new KafkaProtocolError(answer.errorCode, `${apiName} of ${transactionalId}`);
      }
      await retry.wait(signal);
    }
  }

  async function findCoordinator(): Promise<BrokerAddress> {
    const wire = findCoordinatorRequest(transactionalId);
    return (await untilAnswered(wire.request.apiName, () => cluster.askAny(wire, signal))).coordinator;
  }

  return (wire) =>
    untilAnswered(wire.request.apiName, async () => {
      coordinator ??= await findCoordinator();
      const connection = await cluster.connection(coordinator, signal);
      const answer = await connection.send(wire, signal);
      if (LOST_COORDINATOR.has(answer.errorCode)) coordinator = undefined;
      return answer;
    });
}
