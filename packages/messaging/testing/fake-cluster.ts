import type { TopicCluster } from '../src/cluster/topic-cluster.ts';
import type { BrokerConnection } from '../src/wire/broker-connection.ts';
import { ByteReader } from '../src/wire/byte-reader.ts';
import type { ProduceAnswer } from '../src/wire/produce.ts';

export interface FakeRequest {
  readonly node: number;
  readonly body: Buffer;
  answer(answers: ReadonlyMap<number, ProduceAnswer>): void;
  /** Ends the connection as well. */
  fail(error: Error): void;
}

export interface FakeCluster extends TopicCluster {
  /** The next Produce request, in the order of arrival; waits for it. */
  nextRequest(): Promise<FakeRequest>;
  /** Connections opened so far. */
  connections(): number;
  /** Connections that were closed by their owner. */
  closedConnections(): number;
  refuseConnections(refuse: boolean): void;
  /** Called for each connection; it is not open before the promise resolves. */
  onConnect(wait: () => Promise<void>): void;
  lead(partition: number, node: number): void;
}

/** A cluster without brokers, whose answers to Produce requests a test decides. `leaders`: node of each partition. */
export function createFakeCluster(leaders: readonly number[]): FakeCluster {
  const lifetime = new AbortController();
  const current = [...leaders];
  const arrived: FakeRequest[] = [];
  const waiting: ((request: FakeRequest) => void)[] = [];
  let opened = 0;
  let closed = 0;
  let refusing = false;
  let untilConnected = () => Promise.resolve();

  function connect(node: number): BrokerConnection {
    let open = true;
    opened += 1;
    return {
      isOpen: () => open,
      close() {
        if (open) closed += 1;
        open = false;
      },
      send: <T>(wire: { request: { encode(): Promise<{ buffer: Buffer }> } }) =>
        new Promise<T>((resolve, reject) => {
          void wire.request.encode().then(({ buffer }) => {
            const request: FakeRequest = {
              node,
              body: buffer,
              answer: (answers) => resolve(answers as T),
              fail(error) {
                open = false;
                reject(error);
              },
            };
            const taker = waiting.shift();
            if (taker) taker(request);
            else arrived.push(request);
          });
        }),
    };
  }

  const metadata = () => {
    const brokers = new Map([...new Set(current)].map((node) => [node, { host: 'broker', port: node + 1 }]));
    return Promise.resolve({
      clusterId: 'cluster',
      topicId: 'id',
      brokers,
      leaders: [...current],
      leaderEpochs: current.map(() => 0),
      replicationFactor: 1,
    });
  };
  const unused = () => Promise.reject(new Error('not part of the fake'));
  return {
    topic: 'fake',
    firstTopicId: () => 'id',
    belongTo() {},
    metadata,
    refresh: metadata,
    askAny: unused,
    connection: unused,
    async ownConnection({ port }) {
      await untilConnected();
      if (refusing) throw new Error('connection refused');
      return connect(port - 1);
    },
    withMetadata: unused,
    withFreshMetadata: unused,
    recentMetadata: metadata,
    close: () => lifetime.abort(new Error('closed')),
    closed: lifetime.signal,
    nextRequest: () => {
      const request = arrived.shift();
      return request ? Promise.resolve(request) : new Promise((resolve) => waiting.push(resolve));
    },
    connections: () => opened,
    closedConnections: () => closed,
    refuseConnections(refuse) {
      refusing = refuse;
    },
    onConnect(wait) {
      untilConnected = wait;
    },
    lead(partition, node) {
      current[partition] = node;
    },
  };
}

/** What a Produce request carries: the batches as text, by partition. */
export function receivedBatches(body: Buffer): { timeoutMs: number; batches: Record<number, string> } {
  const reader = new ByteReader(body);
  reader.nullableString(); // transactional id
  reader.skip(2); // acknowledgements
  const timeoutMs = reader.int32();
  reader.skip(4); // topics: one
  reader.nullableString();
  const batches: Record<number, string> = {};
  for (let count = reader.int32(); count > 0; count -= 1) {
    const partition = reader.int32();
    batches[partition] = reader.utf8(reader.int32());
  }
  return { timeoutMs, batches };
}
