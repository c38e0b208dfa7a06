import assert from 'node:assert/strict';
import type { OrderEvent } from '@order-events/domain';
import { createCompleteBoard, OffsetOutOfRangeError, type PartitionPositions } from '@order-events/messaging';
import { createOrderLog, type OrderLog } from '../src/log/order-log.ts';
import { createWakeUp } from '../src/log/wake-up.ts';
import { createEventFilter, type EventSelection } from '../src/log/event-filter.ts';
import type { RegisteredWatch } from '../src/stream/registered-watch.ts';
import { createEdgeSeats, type EdgeSeats } from '../src/watch/edge-seats.ts';
import { createSharedBatches } from '../src/watch/shared-batches.ts';
import type { StartPosition } from '../src/position/start-position.ts';
import { createWatchLifetime } from '../src/stream/watch-lifetime.ts';
import type { WatchMessage } from '../src/watch/watch-message.ts';
import { createWatchRegistry, type WatchRegistry } from '../src/stream/watch-registry.ts';
import type { History } from '../src/log/history.ts';
import { watchLog, type WatchRequest, type WatchSources } from '../src/watch/watcher.ts';
import { logBatch } from './order-events.ts';
import { newWatch } from './test-wire.ts';
import { alongReader, endsOfFound, historyBlock, newPartition } from './watched-partition.ts';

export interface WatchedLogOptions {
  readonly partitions?: number;
  readonly ringBytes?: number;
  readonly createSeats?: (log: OrderLog) => EdgeSeats;
}

export interface OpenWatch {
  readonly watch: RegisteredWatch;
  /** The next message; fails the test when the stream has ended. */
  next(): Promise<WatchMessage>;
  /** All messages up to the end of the stream. */
  rest(): Promise<WatchMessage[]>;
  /** What the stream ended with. */
  failure(): Promise<unknown>;
  /** The client goes away. */
  close(): Promise<void>;
}

/** A log whose records the test appends, and streams on it. What the ring drops stays readable as history until `deleteUpTo`. */
export interface WatchedLog {
  readonly log: OrderLog;
  readonly watches: WatchRegistry;
  readonly topicId: string;
  readonly sources: WatchSources;
  /** Kafka is reached: what `append` was told before is in the log then. */
  open(): void;
  append(partition: number, events: readonly OrderEvent[]): void;
  /** The same for events of a batch that cannot be read. */
  appendUnreadable(partition: number, events: readonly OrderEvent[]): void;
  deleteUpTo(partition: number, offset: bigint): void;
  /** It has so many events left; who reads the log finds out with `meetCut`. */
  truncate(partition: number, count: number): void;
  meetCut(partition: number): void;
  /** How often Kafka was asked for the ends of the log. */
  timesAsked(): number;
  /** The topic gets one more, which is empty. */
  addPartition(): void;
  /** The partition has no leader from now on, or as soon as the log is opened: what is appended to it can be read when it is found. */
  lose(partition: number): void;
  find(partition: number): void;
  ends(): bigint[];
  watch(request?: Partial<WatchRequest> & { selection?: Partial<EventSelection> }): OpenWatch;
}

export function createWatchedLog({
  partitions = 3,
  ringBytes = 1024 * 1024,
  createSeats = createEdgeSeats,
}: WatchedLogOptions = {}): WatchedLog {
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAA';
  const records = Array.from({ length: partitions }, newPartition);
  const log = createLog(ringBytes);
  const complete = createCompleteBoard();
  const watches = createWatches(log);
  let timesAsked = 0;
  const partitionOf = (partition: number) => records[partition] ?? assert.fail(`no partition ${partition}`);
  const ends = () => records.map(({ events }) => BigInt(events.length));
  const kafka = () => ({ topicId: log.topic()?.id ?? topicId, ...endsOfFound(records) });
  const positions = (offsets: readonly bigint[]): PartitionPositions =>
    new Map([...offsets.entries()].filter(([partition]) => !partitionOf(partition).isLost));
  const readHistory: History['read'] = async (_epoch, partition, offset) => {
    const stored = partitionOf(partition);
    if (stored.isLost) throw new Error(`partition ${partition} has no leader`);
    if (offset < stored.start) throw new OffsetOutOfRangeError(partition, offset);
    return historyBlock(stored, partition, Number(offset));
  };
  const sources: WatchSources = {
    log,
    complete,
    batches: createSharedBatches(log),
    seats: createSeats(log),
    history: { read: readHistory, join: () => alongReader(readHistory) },
    // By time: these tests append everything after the time they ask for.
    reader: {
      async ends() {
        timesAsked += 1;
        return kafka();
      },
      place: async () => ({ ...kafka(), next: kafka().earliest }),
    },
    // Streams may ask for what is lost before they know it.
    onReadFailure: (error) => assert.match(String(error), /has no leader/),
  };

  return {
    log,
    watches,
    topicId,
    sources,
    open() {
      log.open(topicId, positions(ends()), positions(ends()), partitions);
      log.setAvailable(true);
    },
    append(partition, events) {
      const { events: stored, isLost } = partitionOf(partition);
      const from = BigInt(stored.length);
      stored.push(...events);
      if (log.topic() && !isLost) log.append(logBatch(partition, from, events));
    },
    appendUnreadable(partition, events) {
      const stored = partitionOf(partition);
      for (const event of events) stored.unreadable.add(stored.events.push(event) - 1);
      log.appendGap(partition, BigInt(stored.events.length));
    },
    deleteUpTo(partition, offset) {
      partitionOf(partition).start = offset;
    },
    truncate(partition, count) {
      partitionOf(partition).events.length = count;
    },
    meetCut(partition) {
      log.restart(partition, BigInt(partitionOf(partition).events.length));
    },
    timesAsked: () => timesAsked,
    addPartition() {
      log.addPartitions(new Map([[records.length, 0n]]), records.length + 1);
      records.push(newPartition());
    },
    lose(partition) {
      partitionOf(partition).isLost = true;
      if (log.topic()) log.setReadable(partition, false);
    },
    find(partition) {
      const found = partitionOf(partition);
      if (!found.isLost) return;
      found.isLost = false;
      readAgain(log, partition, found.events);
    },
    ends,
    watch: (request = {}) => openWatch(request, watches, sources),
  };
}

function createLog(ringBytes: number): OrderLog {
  return createOrderLog({
    ringBytes,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped: () => assert.fail('a record was skipped'),
      onIngested: () => {},
      onSourceChanged: () => {},
    },
  });
}

function createWatches(log: OrderLog): WatchRegistry {
  return createWatchRegistry({
    limits: { ofProcess: 10, ofConnection: 10, ofPrincipal: 10, requestBytes: Infinity },
    onDrain: () => log.wake(),
    onRefused: () => {},
    onEnded: () => {},
  });
}

function readAgain(log: OrderLog, partition: number, events: readonly OrderEvent[]): void {
  const end = BigInt(events.length);
  if (log.end(partition) === undefined) log.restart(partition, end, end);
  log.setReadable(partition, true);
  const head = log.head(partition);
  if (head < end) log.append(logBatch(partition, head, events.slice(Number(head))));
}

const START_AT_ONCE: StartPosition = { kind: 'latest' };

function openWatch(
  { selection, ...request }: Partial<WatchRequest> & { selection?: Partial<EventSelection> },
  watches: WatchRegistry,
  sources: WatchSources,
): OpenWatch {
  const client = new AbortController();
  const watch = watches.add(newWatch());
  const lifetime = createWatchLifetime({
    startedAtMs: performance.now(),
    maxAgeMs: 60_000,
    drainWindowMs: () => watches.drainWindowMs(),
  });
  const filter = createEventFilter({
    statuses: [],
    orderIds: [],
    customerIds: [],
    eventTypes: [],
    ...selection,
  });
  const messages = watchLog(
    { filter, start: START_AT_ONCE, allowGap: false, heartbeatMs: 10_000, maxBatchSize: 256, ...request },
    watch,
    lifetime,
    sources,
    client.signal,
  );
  return {
    watch,
    async next() {
      const { done, value } = await messages.next();
      if (done) assert.fail('the stream has ended');
      return value;
    },
    async rest() {
      try {
        const rest: WatchMessage[] = [];
        for await (const message of messages) rest.push(message);
        return rest;
      } finally {
        watches.remove(watch);
      }
    },
    async failure() {
      try {
        for await (const _ of messages);
      } catch (error) {
        return error;
      } finally {
        watches.remove(watch);
      }
      return undefined;
    },
    async close() {
      client.abort();
      await messages.return();
      watches.remove(watch);
    },
  };
}
