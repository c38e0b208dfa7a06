import assert from 'node:assert/strict';
import type { OrderEvent } from '@order-events/domain';
import { OffsetOutOfRangeError, type PartitionPositions } from '@order-events/messaging';
import { createEventBlock } from '../src/log/event-block.ts';
import { createOrderLog, type OrderLog } from '../src/log/order-log.ts';
import { createWakeUp } from '../src/log/wake-up.ts';
import { createEventFilter, type EventSelection } from '../src/watch/event-filter.ts';
import type { RegisteredWatch } from '../src/watch/registered-watch.ts';
import { createSharedBatches } from '../src/watch/shared-batches.ts';
import type { StartPosition } from '../src/watch/start-position.ts';
import { createWatchLifetime } from '../src/watch/watch-lifetime.ts';
import type { WatchMessage } from '../src/watch/watch-message.ts';
import { createWatchRegistry, type WatchRegistry } from '../src/watch/watch-registry.ts';
import { watchLog, type WatchRequest, type WatchSources } from '../src/watch/watcher.ts';
import { logBatch } from './order-events.ts';
import { newWatch } from './test-wire.ts';

export interface WatchedLogOptions {
  readonly partitions?: number;
  readonly ringBytes?: number;
}

export interface OpenWatch {
  readonly watch: RegisteredWatch;
  /** The next message; fails the test when the stream has ended. */
  next(): Promise<WatchMessage>;
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
  deleteUpTo(partition: number, offset: bigint): void;
  ends(): bigint[];
  watch(request?: Partial<WatchRequest> & { selection?: Partial<EventSelection> }): OpenWatch;
}

interface TestPartition {
  readonly events: OrderEvent[];
  start: bigint;
}

const HISTORY_BLOCK_EVENTS = 7;

export function createWatchedLog({
  partitions = 3,
  ringBytes = 1024 * 1024,
}: WatchedLogOptions = {}): WatchedLog {
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAA';
  const records = Array.from({ length: partitions }, (): TestPartition => ({ events: [], start: 0n }));
  const log = createOrderLog({
    ringBytes,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped: () => assert.fail('a record was skipped'),
      onIngested: () => {},
      onSourceChanged: () => {},
    },
  });
  const watches = createWatchRegistry({
    limits: { ofProcess: 10, ofConnection: 10, ofPrincipal: 10 },
    onDrain: () => log.wake(),
    onRefused: () => {},
    onEnded: () => {},
  });
  const partitionOf = (partition: number) => records[partition] ?? assert.fail(`no partition ${partition}`);
  const ends = () => records.map(({ events }) => BigInt(events.length));
  const starts = () => records.map(({ start }) => start);
  const positions = (offsets: readonly bigint[]): PartitionPositions => new Map(offsets.entries());
  const sources: WatchSources = {
    log,
    batches: createSharedBatches(log),
    history: {
      async read(_topicId, partition, offset) {
        const { events, start } = partitionOf(partition);
        if (offset < start) throw new OffsetOutOfRangeError(partition, offset);
        const some = events.slice(Number(offset), Number(offset) + HISTORY_BLOCK_EVENTS);
        return createEventBlock(logBatch(partition, offset, some), offset, () => assert.fail());
      },
    },
    // By time: these tests append everything after the time they ask for.
    reader: { offsets: async (at) => positions(at === 'latest' ? ends() : starts()) },
    onReadFailure: (error) => assert.fail(String(error)),
  };

  return {
    log,
    watches,
    topicId,
    sources,
    open() {
      log.open(topicId, positions(ends()), positions(ends()));
      log.setAvailable(true);
    },
    append(partition, events) {
      const stored = partitionOf(partition).events;
      const from = BigInt(stored.length);
      stored.push(...events);
      if (log.topic()) log.append(logBatch(partition, from, events));
    },
    deleteUpTo(partition, offset) {
      partitionOf(partition).start = offset;
    },
    ends,
    watch: (request = {}) => openWatch(request, watches, sources),
  };
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
