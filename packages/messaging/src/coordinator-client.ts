import { createRetryPause } from './retry-pause.ts';
import type { TopicCluster } from './topic-cluster.ts';
import type { BrokerAddress } from './wire/broker-address.ts';
import { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';
import { type Coded, findCoordinatorRequest } from './wire/transaction.ts';
import type { WireRequest } from './wire/wire-request.ts';

/** The markers of a transaction are written in a few milliseconds. */
const FIRST_RETRY_MS = 3;
const MAX_RETRY_MS = 100;

const LOST_COORDINATOR: ReadonlySet<number> = new Set([
  ERROR_CODE.COORDINATOR_NOT_AVAILABLE,
  ERROR_CODE.NOT_COORDINATOR,
]);
const TRY_AGAIN: ReadonlySet<number> = new Set([
  ...LOST_COORDINATOR,
  ERROR_CODE.COORDINATOR_LOAD_IN_PROGRESS,
  ERROR_CODE.CONCURRENT_TRANSACTIONS,
]);

/** Resolves with an answer without error; rejects with a KafkaProtocolError that no patience mends, or when the broker is away. */
export type AskCoordinator = <T>(wire: WireRequest<Coded<T>>) => Promise<Coded<T>>;

/**
 * Sends requests to the coordinator of a transactional id, wherever it is, and again while it is busy or moving. Where each was
 * found is remembered, one entry for each id, until it says that it is not the one or its connection fails.
 */
export function createCoordinatorClients(
  cluster: TopicCluster,
): (transactionalId: string, signal: AbortSignal) => AskCoordinator {
  const coordinators = new Map<string, BrokerAddress>();

  async function coordinatorOf(transactionalId: string, signal: AbortSignal): Promise<BrokerAddress> {
    const known = coordinators.get(transactionalId);
    if (known) return known;
    const wire = findCoordinatorRequest(transactionalId);
    const what = `${wire.request.apiName} of ${transactionalId}`;
    const { coordinator } = await untilAnswered(what, () => cluster.askAny(wire, signal), signal);
    coordinators.set(transactionalId, coordinator);
    return coordinator;
  }

  async function askOnce<T>(
    transactionalId: string,
    wire: WireRequest<Coded<T>>,
    signal: AbortSignal,
  ): Promise<Coded<T>> {
    try {
      const connection = await cluster.connection(await coordinatorOf(transactionalId, signal), signal);
      const answer = await connection.send(wire, signal);
      if (LOST_COORDINATOR.has(answer.errorCode)) coordinators.delete(transactionalId);
      return answer;
    } catch (error) {
      coordinators.delete(transactionalId);
      throw error;
    }
  }

  return (transactionalId, signal) => (wire) =>
    untilAnswered(
      `${wire.request.apiName} of ${transactionalId}`,
      () => askOnce(transactionalId, wire, signal),
      signal,
    );
}

async function untilAnswered<T>(
  what: string,
  send: () => Promise<Coded<T>>,
  signal: AbortSignal,
): Promise<Coded<T>> {
  const retry = createRetryPause(FIRST_RETRY_MS, MAX_RETRY_MS);
  for (;;) {
    signal.throwIfAborted();
    const answer = await send();
    if (answer.errorCode === 0) return answer;
    if (!TRY_AGAIN.has(answer.errorCode)) throw new KafkaProtocolError(answer.errorCode, what);
    await retry.wait(signal);
  }
}
