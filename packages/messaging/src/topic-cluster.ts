import { abortable } from './abortable.ts';
import { createRetryPause } from './retry-pause.ts';
import { addressName, type BrokerAddress, parseAddress } from './wire/broker-address.ts';
import {
  type BrokerConnection,
  type BrokerConnectionConfig,
  BrokerConnectionError,
  connectToBroker,
} from './wire/broker-connection.ts';
import { metadataRequest, type TopicMetadata } from './wire/metadata.ts';
import { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';
import type { SendRequest } from './wire/wire-request.ts';

export interface KafkaConnectionConfig extends BrokerConnectionConfig {
  /** `host:port` of some brokers of the cluster; the others are learnt from them. */
  readonly brokers: readonly string[];
}

/** A cluster as one topic needs it: who leads which partition, and one connection to each broker that all requests share. */
export interface TopicCluster {
  readonly topic: string;
  /** Id of the topic as it was first seen: another one later means that it was deleted and created again. */
  firstTopicId(): string | undefined;
  /** What was learnt last about the topic; fresh metadata when nothing is known. */
  metadata(signal?: AbortSignal): Promise<TopicMetadata>;
  /** Fresh metadata from the first broker that answers; calls at the same time share one lookup. */
  refresh(signal?: AbortSignal): Promise<TopicMetadata>;
  /** Sends a request that any broker can answer to the first that does. */
  readonly askAny: SendRequest;
  /** The shared connection to a broker; it is opened when there is none. */
  connection(address: BrokerAddress, signal?: AbortSignal): Promise<BrokerConnection>;
  /** A connection of the caller's own, until `signal` aborts: a broker answers the requests of one connection one by one. */
  ownConnection(address: BrokerAddress, signal: AbortSignal): Promise<BrokerConnection>;
  /**
   * Runs `work`, and again with fresh metadata while that may mend its failure: once after a dead connection, a few times, for about
   * half a second, while a partition changes its leader.
   */
  withMetadata<T>(work: (metadata: TopicMetadata) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Closes all connections; requests under way reject. */
  close(): void;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
}

const FIRST_RETRY_MS = 20;
const MAX_RETRY_MS = 200;
const MAX_ATTEMPTS = 6;
const MAX_CONNECTION_ATTEMPTS = 2;

/** No connection is made before the first call. Throws a RangeError when `brokers` is empty or malformed. */
export function createTopicCluster(config: KafkaConnectionConfig, topic: string): TopicCluster {
  const seeds = config.brokers.map(parseAddress);
  if (seeds.length === 0) throw new RangeError('at least one Kafka broker (host:port) is needed');
  const lifetime = new AbortController();
  const connections = new Map<string, Promise<BrokerConnection>>();
  let known: TopicMetadata | undefined;
  let lookup: Promise<TopicMetadata> | undefined;
  let lastToAnswer: BrokerAddress | undefined;
  let firstTopicId: string | undefined;

  async function connection(address: BrokerAddress, signal?: AbortSignal): Promise<BrokerConnection> {
    const name = addressName(address);
    const opened = connections.get(name);
    if (opened) {
      const existing = await abortable(opened, signal);
      if (existing.isOpen()) return existing;
      if (connections.get(name) === opened) connections.delete(name);
      return connection(address, signal);
    }
    const opening = connectToBroker(address, config, lifetime.signal);
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
    const broker = await connectToBroker(address, config, lifetime.signal);
    try {
      return await broker.send(metadataRequest(topic));
    } finally {
      broker.close();
    }
  }

  async function lookUp(): Promise<TopicMetadata> {
    known = await firstAnswer(askMetadata);
    firstTopicId ??= known.topicId;
    return known;
  }

  const cluster: TopicCluster = {
    topic,
    firstTopicId: () => firstTopicId,
    connection,
    askAny: (wire, signal) =>
      firstAnswer(async (address) => (await connection(address, signal)).send(wire, signal), signal),
    metadata: (signal) => (known ? Promise.resolve(known) : cluster.refresh(signal)),
    refresh(signal) {
      lookup ??= lookUp().finally(() => {
        lookup = undefined;
      });
      return abortable(lookup, signal);
    },
    ownConnection: (address, signal) => connectToBroker(address, config, lifetime.signal, signal),
    async withMetadata(work, signal) {
      const retry = createRetryPause(FIRST_RETRY_MS, MAX_RETRY_MS);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await work(await (attempt === 1 ? cluster.metadata(signal) : cluster.refresh(signal)));
        } catch (error) {
          const attempts = error instanceof KafkaProtocolError ? MAX_ATTEMPTS : MAX_CONNECTION_ATTEMPTS;
          if (attempt >= attempts || !isTransient(error) || signal?.aborted || lifetime.signal.aborted) {
            throw error;
          }
        }
        await retry.wait(signal);
      }
    },
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
