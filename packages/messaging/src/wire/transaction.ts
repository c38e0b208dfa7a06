import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { BrokerAddress } from './broker-address.ts';
import type { ProducerIdentity } from './record-batch-encoding.ts';
import type { WireRequest } from './wire-request.ts';

const findCoordinator2 = requests.GroupCoordinator.protocol({ version: 2 });
const initProducerId1 = requests.InitProducerId.protocol({ version: 1 });
const addPartitions1 = requests.AddPartitionsToTxn.protocol({ version: 1 });
const endTransaction1 = requests.EndTxn.protocol({ version: 1 });

const TRANSACTION_COORDINATOR = 1;
/** A transaction that nobody ended is aborted after this; until then committed readers wait before it. */
const TRANSACTION_TIMEOUT_MS = 10_000;

/** An answer whose error code, if not 0, the caller judges. */
export type Coded<T = unknown> = T & { readonly errorCode: number };

/** Finds the broker that keeps the state of a transactional id. Any broker can answer. */
export function findCoordinatorRequest(
  transactionalId: string,
): WireRequest<Coded<{ coordinator: BrokerAddress }>> {
  return findCoordinator2({ groupId: transactionalId, coordinatorType: TRANSACTION_COORDINATOR });
}

/** Takes the transactional id over: its producer id with a higher epoch. A transaction of an older owner is aborted. */
export function initProducerIdRequest(transactionalId: string): WireRequest<Coded<ProducerIdentity>> {
  return initProducerId1({ transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS });
}

export function addPartitionRequest(
  transactionalId: string,
  identity: ProducerIdentity,
  topic: string,
  partition: number,
): WireRequest<Coded> {
  const { request, response } = addPartitions1({
    ...identity,
    transactionalId,
    topics: [{ topic, partitions: [partition] }],
  });
  return {
    request,
    response: {
      async decode(payload) {
        const [answer] = (await response.decode(payload)).errors;
        return { errorCode: answer?.partitionErrors[0]?.errorCode ?? 0 };
      },
    },
  };
}

/** The broker answers before the abort markers are written; the next request of the id waits for them (CONCURRENT_TRANSACTIONS). */
export function abortTransactionRequest(
  transactionalId: string,
  identity: ProducerIdentity,
): WireRequest<Coded> {
  return endTransaction1({ ...identity, transactionalId, transactionResult: false });
}
