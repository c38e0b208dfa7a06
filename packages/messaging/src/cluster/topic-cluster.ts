import { abortable } from './abortable.ts';
import { RETRY } from './retry-figures.ts';
import { createRetryPause } from './retry-pause.ts';
import { addressName, type BrokerAddress, parseAddress } from '../wire/broker-address.ts';
import {
  type BrokerConnection,
  type BrokerConnectionConfig,
  BrokerConnectionError,
  connectToBroker,
} from '../wire/broker-connection.ts';
import { metadataRequest, type TopicMetadata } from '../wire/metadata.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';
import type { SendRequest } from '../wire/wire-request.ts';

export interface KafkaConnectionConfig extends BrokerConnectionConfig {
  /** `host:port` of some brokers of the cluster; the others are learnt from them. */
  readonly brokers: readonly string[];
  /** How connections are made; left out: over the network. */
  readonly connect?: typeof connectToBroker;
}

/** A cluster as one topic needs it: who leads which partition, and one connection to each broker that all requests share. */
export interface TopicCluster {
  readonly topic: string;
  /** Id of the topic as it was first seen: another one later means that it was deleted and created again. */
  firstTopicId(): string | undefined;
  /** From now on only brokers of this cluster are spoken to: those of another one may stand at the same addresses. */
  belongTo(clusterId: string): void;
  /** What was learnt last about the topic; fresh metadata when nothing is known. */
  metadata(signal?: AbortSignal): Promise<TopicMetadata>;
  /** Fresh metadata from the first broker that answers; calls at the same time share one lookup. */
  refresh(signal?: AbortSignal): Promise<TopicMetadata>;
  /** What was learnt at most so long ago; fresh metadata otherwise. */
  recentMetadata(maxAgeMs: number, signal?: AbortSignal): Promise<TopicMetadata>;
  /** Sends a request that any broker can answer to the first that does. */
  readonly askAny: SendRequest;
  /** The shared connection to a broker; it is opened when there is none. */
  connection(address: BrokerAddress, signal?: AbortSignal): Promise<BrokerConnection>;
  /** A connection of the caller's own, until `signal` aborts: a broker answers the requests of one connection one by one. */
  ownConnection(address: BrokerAddress, signal: AbortSignal): Promise<BrokerConnection>;
  /**
   * Runs `work`, and again with fresh metadata while that may mend its failure: once after a dead connection, a few times, for about
   * half a second, while a partition changes its leader. What was learnt last says who leads a partition, since that mends itself; how
   * many partitions there are, or of which topic, only fresh metadata says.
   */
  withMetadata<T>(work: (metadata: TopicMetadata) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The same, with fresh metadata at once. */
  withFreshMetadata<T>(work: (metadata: TopicMetadata) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Closes all connections; requests under way reject. */
  close(): void;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
}

/** The brokers that answer are of another cluster than the one that is meant. */
export class OtherClusterError extends BrokerConnectionError {
  constructor(found: string, meant: string) {
    super(`the brokers belong to another cluster (${found}, not ${meant})`);
  }
}

const MAX_ATTEMPTS = 6;
const MAX_CONNECTION_ATTEMPTS = 2;

/** No connection is made before the first call. Throws a RangeError when `brokers` is empty or malformed. */
export function createTopicCluster(config: KafkaConnectionConfig, topic: string): TopicCluster {
  const { connect = connectToBroker } = config;
  const seeds = config.brokers.map(parseAddress);
  if (seeds.length === 0) throw new RangeError('at least one Kafka broker (host:port) is needed');
  const lifetime = new AbortController();
  const connections = new Map<string, Promise<BrokerConnection>>();
  let known: TopicMetadata | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let lookup: Promise<TopicMetadata> | undefined;
  let lastToAnswer: BrokerAddress | undefined;
  let firstTopicId: string | undefined;
  let meantCluster: string | undefined;

  /** With the right cluster, as far as that can be known: one that does not know the topic takes nothing. */
  async function open(address: BrokerAddress, ...signals: readonly AbortSignal[]): Promise<BrokerConnection> {
    const broker = await connect(address, config, ...signals);
    if (meantCluster === undefined) return broker;
    try {
      requireCluster(await broker.send(metadataRequest(topic)));
    } catch (error) {
      if (error instanceof KafkaProtocolError) return broker;
      broker.close();
      throw error;
    }
    return broker;
  }

  function requireCluster({ clusterId }: TopicMetadata): void {
    if (meantCluster !== undefined && clusterId !== meantCluster) {
      throw new OtherClusterError(clusterId, meantCluster);
    }
  }

  async function connection(address: BrokerAddress, signal?: AbortSignal): Promise<BrokerConnection> {
    const name = addressName(address);
    const opened = connections.get(name);
    if (opened) {
      const existing = await abortable(opened, signal);
      if (existing.isOpen()) return existing;
      if (connections.get(name) === opened) connections.delete(name);
      return connection(address, signal);
    }
    const opening = open(address, lifetime.signal);
    connections.set(name, opening);
    // The callers get the error; here the place is made free for the next try.
    opening.catch(() => connections.delete(name));
    return abortable(opening, signal);
  }

  async function firstAnswer<T>(
    ask: (broker: BrokerAddress) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const candidates = [
      ...(lastToAnswer ? [lastToAnswer] : []),
      ...(known?.brokers.values() ?? []),
      ...seeds,
    ];
    const addresses = new Map(candidates.map((address) => [addressName(address), address]));
    let failure: unknown;
    for (const address of addresses.values()) {
      try {
        const answer = await ask(address);
        lastToAnswer = address;
        return answer;
      } catch (error) {
        // A broker that answers with an error code speaks for the cluster.
        if (error instanceof KafkaProtocolError || signal?.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** On a connection of its own: the shared one may have gone silent, and would take another time-out to tell. */
  async function askMetadata(address: BrokerAddress): Promise<TopicMetadata> {
    const broker = await connect(address, config, lifetime.signal);
    try {
      return await broker.send(metadataRequest(topic));
    } finally {
      broker.close();
    }
  }

  async function lookUp(): Promise<TopicMetadata> {
    const startedAtMs = performance.now();
    const found = await firstAnswer(askMetadata);
    requireCluster(found);
    known = found;
    askedAtMs = startedAtMs;
    firstTopicId ??= known.topicId;
    return known;
  }

  async function untilMended<T>(
    firstMetadata: TopicCluster['metadata'],
    work: (metadata: TopicMetadata) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const retry = createRetryPause(RETRY.cluster);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(await (attempt === 1 ? firstMetadata(signal) : cluster.refresh(signal)));
      } catch (error) {
        const attempts = error instanceof KafkaProtocolError ? MAX_ATTEMPTS : MAX_CONNECTION_ATTEMPTS;
        if (attempt >= attempts || !isTransient(error) || signal?.aborted || lifetime.signal.aborted) {
          throw error;
        }
      }
      await retry.wait(signal);
    }
  }

  const cluster: TopicCluster = {
    topic,
    firstTopicId: () => firstTopicId,
    belongTo(clusterId) {
      if (meantCluster === clusterId) return;
      meantCluster = clusterId;
      known = undefined;
      for (const opened of connections.values()) {
        void opened.then((broker) => broker.close()).catch(() => {});
      }
    },
    connection,
    askAny: (wire, signal) =>
      firstAnswer(async (address) => (await connection(address, signal)).send(wire, signal), signal),
    metadata: (signal) => (known ? Promise.resolve(known) : cluster.refresh(signal)),
    recentMetadata: (maxAgeMs, signal) =>
      performance.now() - askedAtMs <= maxAgeMs ? cluster.metadata(signal) : cluster.refresh(signal),
    refresh(signal) {
      lookup ??= lookUp().finally(() => {
        lookup = undefined;
      });
      return abortable(lookup, signal);
    },
    ownConnection: (address, signal) => open(address, lifetime.signal, signal),
    withMetadata: (work, signal) => untilMended(cluster.metadata, work, signal),
    withFreshMetadata: (work, signal) => untilMended(cluster.refresh, work, signal),
    close: () => lifetime.abort(new BrokerConnectionError('the Kafka client was closed')),
    closed: lifetime.signal,
  };
  return cluster;
}

/** Address of the leader of a partition. Throws a transient KafkaProtocolError when it has none, or does not exist. */
export function leaderOf(partition: number, metadata: TopicMetadata): BrokerAddress {
  const nodeId = metadata.leaders[partition];
  const what = `partition ${partition}`;
  if (nodeId === undefined) throw new KafkaProtocolError(ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION, what);
  const address = metadata.brokers.get(nodeId);
  if (!address) throw new KafkaProtocolError(ERROR_CODE.LEADER_NOT_AVAILABLE, what);
  return address;
}

/** Partitions by the address of their leader. Throws as leaderOf does. */
export function groupByLeader(
  partitions: Iterable<number>,
  metadata: TopicMetadata,
): Map<BrokerAddress, number[]> {
  const groups = new Map<BrokerAddress, number[]>();
  for (const partition of partitions) {
    const leader = leaderOf(partition, metadata);
    const group = groups.get(leader);
    if (group) group.push(partition);
    else groups.set(leader, [partition]);
  }
  return groups;
}

/** A broker that is away, or an answer that fresh metadata or patience may change. */
export function isTransient(error: unknown): boolean {
  return error instanceof BrokerConnectionError || (error instanceof KafkaProtocolError && error.transient);
}
