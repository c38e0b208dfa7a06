import type { PartitionChange } from '../src/layout/topic-layout.ts';
import type { connectToBroker } from '../src/wire/broker-connection.ts';
import { EARLIEST } from '../src/wire/list-offsets.ts';
import { ERROR_CODE } from '../src/wire/protocol-error.ts';
import {
  type AskedEpoch,
  encodeEpochEnds,
  encodeFetched,
  encodeMetadata,
  encodeOffsets,
  type EpochAnswer,
  type FetchAnswer,
  type FetchedPosition,
  type ListedPartition,
  type OffsetAnswer,
  readAskedEpochs,
  readFetch,
  readListOffsets,
} from './simulated-answers.ts';
import { simulatedConnect, WAY_MS } from './simulated-connection.ts';
import {
  chooseLeader,
  cutAt,
  epochEndOf,
  epochOf,
  newPartition,
  type SimulatedPartition,
  type SimulatedRecord,
} from './simulated-partition.ts';

export interface SimulatedTopic {
  readonly id: string;
  readonly partitions: SimulatedPartition[];
  readonly layout: PartitionChange[];
}

/** Brokers with one topic, in memory: they answer what a reader of the log asks, byte by byte, and the test changes the topic. */
export interface SimulatedKafka {
  readonly topic: string;
  readonly connect: typeof connectToBroker;
  /** Undefined while it is deleted. */
  current(): SimulatedTopic | undefined;
  delete(): void;
  create(partitions: number): void;
  append(partition: number, record: SimulatedRecord): void;
  /** Retention. */
  deleteUpTo(partition: number, offset: number): void;
  /** A replica leads that does not have the newest records. */
  truncate(partition: number, end: number): void;
  addPartitions(count: number): void;
  lead(partition: number, node: number): void;
  /** Every record that ever was at a place of a topic, or of one that was created after it. */
  everAt(topicId: string, partition: number, offset: number): readonly number[];
  /** Up to where answers reach that somebody who waits for new records is just being sent. */
  underWay(partition: number): readonly number[];
}

export const NODES = 3;
/** An answer has come, and was taken. */
const TAKEN_MS = 4 * WAY_MS;
/** Of one partition: the tail is behind when there are more. */
const FETCHED_RECORDS = 3;
const API = { fetch: 1, listOffsets: 2, metadata: 3, epochEnds: 23 } as const;

function endOf({ batches }: FetchAnswer): number {
  const newest = batches.at(-1);
  return newest ? Number(newest.readBigInt64BE()) + 1 : 0;
}

export function createSimulatedKafka(partitionCount: number): SimulatedKafka {
  const topicName = 'events';
  /** By topic, in their order. */
  const ever = new Map<string, Map<string, number[]>>();
  const waiting = new Set<() => void>();
  const answersUnderWay = new Set<readonly FetchAnswer[]>();
  let topics = 0;
  let topic: SimulatedTopic | undefined;

  function changed(): void {
    for (const wake of [...waiting]) wake();
  }

  function nextChange(maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, maxWaitMs);
      waiting.add(done);
    });
  }

  function led(node: number, index: number, epoch = -1): SimulatedPartition | number {
    const partition = topic?.partitions[index];
    if (!partition) return ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION;
    if (partition.leader !== node) return ERROR_CODE.NOT_LEADER_OR_FOLLOWER;
    return epoch === -1 || epoch === epochOf(partition) ? partition : ERROR_CODE.FENCED_LEADER_EPOCH;
  }

  function offsetOf(node: number, { partition, timestamp }: ListedPartition): OffsetAnswer {
    const found = led(node, partition);
    if (typeof found === 'number') return { partition, errorCode: found, offset: -1 };
    const offset = timestamp === EARLIEST ? found.start : found.records.length;
    return { partition, errorCode: 0, offset };
  }

  function epochEnd(node: number, { partition, currentEpoch, readEpoch }: AskedEpoch): EpochAnswer {
    const found = led(node, partition, currentEpoch);
    if (typeof found === 'number') return { partition, errorCode: found, end: -1 };
    return { partition, errorCode: 0, end: epochEndOf(found, readEpoch) };
  }

  function fetched(node: number, { partition, leaderEpoch, offset }: FetchedPosition): FetchAnswer {
    const failed = (errorCode: number): FetchAnswer => {
      return { partition, errorCode, highWatermark: -1, logStartOffset: -1, batches: [] };
    };
    const found = led(node, partition, leaderEpoch);
    if (typeof found === 'number') return failed(found);
    const { start, records } = found;
    if (offset < start || offset > records.length) return failed(ERROR_CODE.OFFSET_OUT_OF_RANGE);
    return {
      partition,
      errorCode: 0,
      highWatermark: records.length,
      logStartOffset: start,
      batches: records.slice(offset, offset + FETCHED_RECORDS).map(({ batch }) => batch),
    };
  }

  async function answer(node: number, apiKey: number, body: Buffer): Promise<Buffer> {
    if (apiKey === API.metadata) {
      const leaders = topic?.partitions.map((each) => ({ leader: each.leader, epoch: epochOf(each) })) ?? [];
      return encodeMetadata(topicName, NODES, topic && { id: topic.id, leaders });
    }
    if (apiKey === API.listOffsets) {
      return encodeOffsets(
        topicName,
        readListOffsets(body).map((listed) => offsetOf(node, listed)),
      );
    }
    if (apiKey === API.epochEnds) {
      return encodeEpochEnds(
        topicName,
        readAskedEpochs(body).map((asked) => epochEnd(node, asked)),
      );
    }
    if (apiKey !== API.fetch) throw new Error(`the simulated broker does not know API ${apiKey}`);
    const { maxWaitMs, positions } = readFetch(body);
    const read = () => positions.map((position) => fetched(node, position));
    let answers = read();
    if (answers.every(({ errorCode, batches }) => errorCode === 0 && batches.length === 0)) {
      await nextChange(maxWaitMs);
      answers = read();
    }
    if (maxWaitMs > 0) {
      answersUnderWay.add(answers);
      setTimeout(() => answersUnderWay.delete(answers), TAKEN_MS);
    }
    return encodeFetched(topicName, answers);
  }

  const connect = simulatedConnect(answer);

  const partitionOf = (index: number) => {
    const found = topic?.partitions[index];
    if (!found) throw new RangeError(`the topic has no partition ${index}`);
    return found;
  };

  const kafka: SimulatedKafka = {
    topic: topicName,
    connect,
    current: () => topic,
    delete() {
      topic = undefined;
      changed();
    },
    create(count) {
      topics += 1;
      const id = Buffer.alloc(16, topics).toString('base64url');
      ever.set(id, new Map());
      topic = {
        id,
        layout: [],
        partitions: Array.from({ length: count }, (_, index) => newPartition(index % NODES)),
      };
      changed();
    },
    append(partition, { name, batch }) {
      const { records } = partitionOf(partition);
      const stored = Buffer.from(batch);
      stored.writeBigInt64BE(BigInt(records.length));
      const place = `${partition}/${records.length}`;
      const places = ever.get(topic?.id ?? '');
      places?.set(place, [...(places.get(place) ?? []), name]);
      records.push({ name, batch: stored });
      changed();
    },
    deleteUpTo(partition, offset) {
      const found = partitionOf(partition);
      found.start = Math.max(found.start, Math.min(offset, found.records.length));
      changed();
    },
    truncate(partition, end) {
      const found = partitionOf(partition);
      cutAt(found, end);
      chooseLeader(found, (found.leader + 1) % NODES);
      changed();
    },
    addPartitions(count) {
      if (!topic) return;
      const { partitions, layout } = topic;
      const ends = partitions.map(({ records }) => BigInt(records.length));
      layout.push({
        formerCount: ends.length,
        count: ends.length + count,
        ends,
        changedAt: new Date(layout.length),
      });
      for (let added = 0; added < count; added += 1) partitions.push(newPartition(partitions.length % NODES));
      changed();
    },
    lead(partition, node) {
      chooseLeader(partitionOf(partition), node);
      changed();
    },
    underWay: (partition) =>
      [...answersUnderWay].flat().flatMap((sent) => (sent.partition === partition ? [endOf(sent)] : [])),
    everAt(topicId, partition, offset) {
      const since = [...ever.keys()].indexOf(topicId);
      const places = [...ever.values()].slice(since);
      return places.flatMap((known) => known.get(`${partition}/${offset}`) ?? []);
    },
  };
  kafka.create(partitionCount);
  return kafka;
}
