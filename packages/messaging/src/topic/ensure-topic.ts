import { listAllOffsets } from '../cluster/log-offsets.ts';
import type { KafkaConnectionConfig, TopicCluster } from '../cluster/topic-cluster.ts';
import { untilTopicReady } from './until-topic-ready.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import { createTopicRequest } from '../wire/topic-admin.ts';

export interface TopicSettings {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Topic settings by name, beside those that order events need; they win. */
  readonly config?: Readonly<Record<string, string>>;
}

const RETENTION_MS = 7 * 24 * 60 * 60 * 1_000;
/** Time in the log is the broker's: clocks of writers differ, and a wrong one would delete too early. */
const ORDER_EVENTS_CONFIG = {
  'message.timestamp.type': 'LogAppendTime',
  'retention.ms': String(RETENTION_MS),
};
const DEFAULT_WAIT_MS = 30_000;

/**
 * Creates the topic unless it is there, and waits until the leaders of all its partitions answer. While the brokers are away it tries
 * again until `signal` aborts (default: 30 s) and rejects with the last failure.
 * Rejects as well when the topic has another number of partitions: the key of an order decides its partition, so a changed number
 * would break the order of its events; with `mayHaveFewer`, when it has more. Other settings of an existing topic are left alone.
 */
export async function ensureTopic(
  connection: KafkaConnectionConfig,
  settings: TopicSettings,
  signal: AbortSignal = AbortSignal.timeout(DEFAULT_WAIT_MS),
  { mayHaveFewer = false } = {},
): Promise<void> {
  const ready = (cluster: TopicCluster) => isReady(cluster, settings, mayHaveFewer, signal);
  await untilTopicReady(connection, settings.topic, ready, signal);
}

/** Creates the topic when it is missing; it is not ready then. */
async function isReady(
  cluster: TopicCluster,
  settings: TopicSettings,
  mayHaveFewer: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const leaders = await findLeaders(cluster, signal);
  if (!leaders) {
    await createTopic(cluster, settings, signal);
    return false;
  }
  if (leaders.length !== settings.partitions && !(mayHaveFewer && leaders.length < settings.partitions)) {
    throw new Error(
      `topic ${settings.topic} has ${leaders.length} partitions, not ${settings.partitions}; the number cannot change under the events it holds`,
    );
  }
  // A leader is named before it knows that it is one: the topic is ready when all of them answer.
  await listAllOffsets(cluster, 'latest', 'uncommitted', signal);
  return true;
}

async function findLeaders(
  cluster: TopicCluster,
  signal: AbortSignal,
): Promise<readonly number[] | undefined> {
  try {
    return (await cluster.refresh(signal)).leaders;
  } catch (error) {
    if (error instanceof KafkaProtocolError && error.code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION) {
      return undefined;
    }
    throw error;
  }
}

export async function createTopic(
  cluster: TopicCluster,
  settings: TopicSettings,
  signal: AbortSignal,
): Promise<void> {
  const { topic } = settings;
  const config = { ...ORDER_EVENTS_CONFIG, ...settings.config };
  const { errorCode, errorMessage } = await cluster.askAny(
    createTopicRequest({ ...settings, config }),
    signal,
  );
  if (errorCode === 0 || errorCode === ERROR_CODE.TOPIC_ALREADY_EXISTS) return;
  const what = `topic ${topic}: ${errorMessage ?? 'not created'}`;
  throw new KafkaProtocolError(errorCode, what, 'Create on the topic');
}
