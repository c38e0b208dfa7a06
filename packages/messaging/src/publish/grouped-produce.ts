import type { EndCheck } from './end-check.ts';
import { attemptAnswered, attemptFailed, type ProduceAttempt } from './produce-attempt.ts';
import { leaderOf, type TopicCluster } from '../cluster/topic-cluster.ts';
import { addressName, type BrokerAddress } from '../wire/broker-address.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import { produceRequest } from '../wire/produce.ts';

export interface GroupedProduce {
  /**
   * Sends one batch of a partition, one call at a time for each, and resolves with what came of it. An abort takes back a batch that
   * waits, and only ends the waiting for one that is under way.
   */
  send(partition: number, batch: Buffer, signal: AbortSignal, checkEnd?: EndCheck): Promise<ProduceAttempt>;
}

/** Of one request; a larger batch is a request of its own. Far below what brokers take (`socket.request.max.bytes`, 100 MiB). */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** After failures requests are smaller, down to this, and grow again with each that is answered. */
const LEAST_REQUEST_BYTES = 64 * 1024;

/** A batch on its way, until `settle`; the first call of it counts. */
interface Parcel {
  readonly partition: number;
  readonly batch: Buffer;
  readonly checkEnd: EndCheck | undefined;
  sent: boolean;
  settled: boolean;
  settle(attempt: ProduceAttempt): void;
}

/**
 * Sends batches of many partitions in few requests. A broker works on one request of a connection at a time, and a batch costs it far
 * less than a request does: so what is given for one leader while a request to it is under way goes together in the next one.
 *
 * `timeoutMs`: how long a broker may wait for the replicas of the slowest partition of a request; the others wait with it.
 */
export function createGroupedProduce(cluster: TopicCluster, timeoutMs: number): GroupedProduce {
  /** By the name of the leader's address. */
  const queues = new Map<string, (parcel: Parcel) => void>();

  function queueOf(leader: BrokerAddress): (parcel: Parcel) => void {
    const name = addressName(leader);
    let queue = queues.get(name);
    if (!queue) queues.set(name, (queue = createLeaderQueue(cluster, leader, timeoutMs)));
    return queue;
  }

  return {
    async send(partition, batch, signal, checkEnd) {
      let queue: (parcel: Parcel) => void;
      try {
        queue = queueOf(leaderOf(partition, await cluster.metadata(signal)));
      } catch (error) {
        return attemptFailed(error, false);
      }
      return sendParcel({ partition, batch, checkEnd }, queue, signal);
    },
  };
}

function sendParcel(
  content: Pick<Parcel, 'partition' | 'batch' | 'checkEnd'>,
  queue: (parcel: Parcel) => void,
  signal: AbortSignal,
): Promise<ProduceAttempt> {
  return new Promise((resolve) => {
    const onAbort = () => parcel.settle(attemptFailed(signal.reason, parcel.sent));
    const parcel: Parcel = {
      ...content,
      sent: false,
      settled: false,
      settle(attempt) {
        if (parcel.settled) return;
        parcel.settled = true;
        signal.removeEventListener('abort', onAbort);
        resolve(attempt);
      },
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    queue(parcel);
  });
}

/** Takes parcels for one broker; one request is under way at a time, on a connection that nothing else uses. */
function createLeaderQueue(
  cluster: TopicCluster,
  leader: BrokerAddress,
  timeoutMs: number,
): (parcel: Parcel) => void {
  const waiting: Parcel[] = [];
  let working = false;
  let connection: BrokerConnection | undefined;
  let maxBytes = MAX_REQUEST_BYTES;

  async function exchange(group: readonly Parcel[]): Promise<void> {
    try {
      if (!connection?.isOpen()) connection = await cluster.ownConnection(leader, cluster.closed);
      await setShortAside(group, connection);
      // What was taken back meanwhile must not reach the log: its sender was told so.
      const batches = group.filter(({ settled }) => !settled);
      if (batches.length === 0) return;
      for (const parcel of batches) parcel.sent = true;
      const answers = await connection.send(produceRequest({ topic: cluster.topic, batches, timeoutMs }));
      maxBytes = Math.min(maxBytes * 2, MAX_REQUEST_BYTES);
      for (const parcel of batches) parcel.settle(attemptAnswered(parcel.partition, answers));
    } catch (error) {
      maxBytes = Math.max(maxBytes / 2, LEAST_REQUEST_BYTES);
      for (const parcel of group) parcel.settle(attemptFailed(error, parcel.sent));
    }
  }

  async function work(): Promise<void> {
    for (let group = takeGroup(waiting, maxBytes); group.length > 0; group = takeGroup(waiting, maxBytes)) {
      await exchange(group);
    }
    working = false;
  }

  return (parcel) => {
    waiting.push(parcel);
    if (working) return;
    working = true;
    // Whatever is given in the same turn of the event loop goes together.
    setImmediate(() => void work());
  };
}

/** Of a partition whose log is too short, or that does not say how long it is, nothing is sent. */
async function setShortAside(group: readonly Parcel[], connection: BrokerConnection): Promise<void> {
  await Promise.all(
    group.map(async (parcel) => {
      try {
        await parcel.checkEnd?.(connection);
      } catch (error) {
        parcel.settle(attemptFailed(error, false));
      }
    }),
  );
}

/** Takes what fits into one request from the front of the queue. */
function takeGroup(waiting: Parcel[], maxBytes: number): Parcel[] {
  const group: Parcel[] = [];
  let bytes = 0;
  let taken = 0;
  for (const parcel of waiting) {
    if (!parcel.settled) {
      bytes += parcel.batch.length;
      if (bytes > maxBytes && group.length > 0) break;
      group.push(parcel);
    }
    taken += 1;
  }
  waiting.splice(0, taken);
  return group;
}
