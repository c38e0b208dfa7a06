import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import type { TopicCluster } from '../cluster/topic-cluster.ts';
import type { BrokerAddress } from '../wire/broker-address.ts';
import { type CoordinatorKind, findCoordinatorRequest } from '../wire/find-coordinator.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import type { Coded, WireRequest } from '../wire/wire-request.ts';

const LOST_COORDINATOR: ReadonlySet<number> = new Set([
  ERROR_CODE.COORDINATOR_NOT_AVAILABLE,
  ERROR_CODE.NOT_COORDINATOR,
]);
const TRY_AGAIN: ReadonlySet<number> = new Set([
  ...LOST_COORDINATOR,
  ERROR_CODE.COORDINATOR_LOAD_IN_PROGRESS,
  ERROR_CODE.CONCURRENT_TRANSACTIONS,
]);

/** Resolves with an answer without error; rejects with a KafkaProtocolError that patience does not mend, or when the broker is away. */
export type AskCoordinator = <T>(wire: WireRequest<Coded<T>>) => Promise<Coded<T>>;

/** The coordinators of all groups, or of all transactional ids, of a cluster. */
export interface Coordinators {
  /** Sends requests to the coordinator of `key`, wherever it is, and again while it is busy or moving. */
  ask(key: string, signal: AbortSignal): AskCoordinator;
  /** Where it was found; it is looked for when that is not known. */
  addressOf(key: string, signal: AbortSignal): Promise<BrokerAddress>;
  /** It is not there any more. */
  forget(key: string): void;
}

/** Beyond so many keys the one that was found longest ago is looked for again: clients may make names up. */
const MAX_REMEMBERED = 10_000;

/**
 * Where each coordinator was found is remembered until it says that it is not the one or its connection fails. What is busy or moving is
 * asked again for `patienceMs`: some settings keep a cluster from ever having a coordinator, and whoever waits should be told.
 */
export function createCoordinators(
  cluster: TopicCluster,
  kind: CoordinatorKind,
  patienceMs = Number.POSITIVE_INFINITY,
): Coordinators {
  const addresses = new Map<string, BrokerAddress>();

  async function addressOf(key: string, signal: AbortSignal): Promise<BrokerAddress> {
    const known = addresses.get(key);
    if (known) return known;
    const wire = findCoordinatorRequest(kind, key);
    const ask = () => cluster.askAny(wire, signal);
    const { coordinator } = await untilAnswered(
      { key, kind, apiName: wire.request.apiName },
      ask,
      patienceMs,
      signal,
    );
    const [oldest] = addresses.keys();
    if (oldest !== undefined && addresses.size >= MAX_REMEMBERED) addresses.delete(oldest);
    addresses.set(key, coordinator);
    return coordinator;
  }

  async function askOnce<T>(
    key: string,
    wire: WireRequest<Coded<T>>,
    signal: AbortSignal,
  ): Promise<Coded<T>> {
    try {
      const connection = await cluster.connection(await addressOf(key, signal), signal);
      const answer = await connection.send(wire, signal);
      if (LOST_COORDINATOR.has(answer.errorCode)) addresses.delete(key);
      return answer;
    } catch (error) {
      addresses.delete(key);
      throw error;
    }
  }

  return {
    ask: (key, signal) => (wire) =>
      untilAnswered(
        { key, kind, apiName: wire.request.apiName },
        () => askOnce(key, wire, signal),
        patienceMs,
        signal,
      ),
    addressOf,
    forget: (key) => void addresses.delete(key),
  };
}

interface Question {
  readonly key: string;
  readonly kind: CoordinatorKind;
  readonly apiName: string;
}

/** On a cluster with ACLs; whoever may do any of these may describe. */
const RIGHTS: Readonly<Record<string, string>> = {
  DeleteGroups: 'Delete',
  OffsetDelete: 'Delete',
  OffsetCommit: 'Read',
};

function rightFor({ kind, apiName }: Question, errorCode: number): string {
  if (errorCode === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED) {
    return `${kind === 'transaction' ? 'Write' : 'Read'} on the topic`;
  }
  if (kind === 'transaction') return 'Write on the transactional id';
  return `${RIGHTS[apiName] ?? 'Describe'} on the group`;
}

async function untilAnswered<T>(
  question: Question,
  send: () => Promise<Coded<T>>,
  patienceMs: number,
  signal: AbortSignal,
): Promise<Coded<T>> {
  const retry = createRetryPause(RETRY.coordinator);
  const lastTryMs = performance.now() + patienceMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await send();
    if (answer.errorCode === 0) return answer;
    if (!TRY_AGAIN.has(answer.errorCode) || performance.now() >= lastTryMs) {
      const what = `${question.apiName} of ${question.key}`;
      throw new KafkaProtocolError(answer.errorCode, what, rightFor(question, answer.errorCode));
    }
    await retry.wait(signal);
  }
}
