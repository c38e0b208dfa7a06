import { leaderOf, type TopicCluster } from '../cluster/topic-cluster.ts';
import { describeConfigsRequest } from '../wire/describe-configs.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** What promises rest on, as it is in effect now. */
export interface EffectiveSettings {
  /** Of the topic, by the names that Kafka has for them; undefined when the user may not know them. */
  readonly topic: ReadonlyMap<string, string> | undefined;
  /** Of a broker, likewise. */
  readonly broker: ReadonlyMap<string, string> | undefined;
  readonly replicationFactor: number;
  readonly brokerCount: number;
}

export const TOPIC_SETTINGS = [
  'cleanup.policy',
  'max.message.bytes',
  'message.timestamp.type',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
  'unclean.leader.election.enable',
] as const;

export const BROKER_SETTINGS = ['producer.id.expiration.ms', 'transaction.max.timeout.ms'] as const;

/** Asks one broker, the leader of the first partition that has one, for what it does. Rejects when it is away. */
export function readEffectiveSettings(
  cluster: TopicCluster,
  signal?: AbortSignal,
): Promise<EffectiveSettings> {
  return cluster.withMetadata(async (metadata) => {
    const { brokers, leaders, replicationFactor } = metadata;
    const led = Math.max(
      0,
      leaders.findIndex((leader) => brokers.has(leader)),
    );
    const connection = await cluster.connection(leaderOf(led, metadata), signal);
    const ofTopic = describeConfigsRequest({ kind: 'topic', name: cluster.topic }, TOPIC_SETTINGS);
    const ofBroker = describeConfigsRequest({ kind: 'broker', nodeId: leaders[led] ?? -1 }, BROKER_SETTINGS);
    const [topic, broker] = await Promise.all([
      unlessForbidden(connection.send(ofTopic, signal)),
      unlessForbidden(connection.send(ofBroker, signal)),
    ]);
    return { topic, broker, replicationFactor, brokerCount: brokers.size };
  }, signal);
}

const FORBIDDEN: ReadonlySet<number> = new Set([
  ERROR_CODE.TOPIC_AUTHORIZATION_FAILED,
  ERROR_CODE.CLUSTER_AUTHORIZATION_FAILED,
]);

async function unlessForbidden<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KafkaProtocolError && FORBIDDEN.has(error.code)) return undefined;
    throw error;
  }
}
