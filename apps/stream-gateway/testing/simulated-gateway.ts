import { createCompleteBoard, createLogReader, type LogReader } from '@order-events/messaging';
import { createLogger } from '@order-events/runtime';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SimulatedKafka } from '../../../packages/messaging/testing/simulated-kafka.ts';
import { createHistory, type History } from '../src/log/history.ts';
import { createOrderLog, type OrderLog } from '../src/log/order-log.ts';
import { createLogTail } from '../src/log/tail.ts';
import { createWakeUp } from '../src/log/wake-up.ts';
import { createEdgeSeats } from '../src/watch/edge-seats.ts';
import { createEventFilter } from '../src/log/event-filter.ts';
import { createSharedBatches } from '../src/watch/shared-batches.ts';
import type { StartPosition } from '../src/position/start-position.ts';
import { createWatchLifetime } from '../src/stream/watch-lifetime.ts';
import type { WatchMessage } from '../src/watch/watch-message.ts';
import { createWatchRegistry } from '../src/stream/watch-registry.ts';
import { watchLog, type WatchSources } from '../src/watch/watcher.ts';
import { newWatch } from './test-wire.ts';

/** Puts something that is wrong in one point in place of a part of a gateway. */
export interface GatewayParts {
  connect?(real: SimulatedKafka['connect']): SimulatedKafka['connect'];
  reader?(real: LogReader): LogReader;
  log?(real: OrderLog): OrderLog;
  history?(real: History): History;
  /** As members of subscriptions see it. */
  memberLog?(real: OrderLog): OrderLog;
}

/** What of a gateway reads the log, on simulated brokers. */
export interface SimulatedGateway {
  readonly log: OrderLog;
  /** What members of subscriptions read from. */
  readonly memberSources: WatchSources;
  watch(start: StartPosition, allowGap: boolean, signal: AbortSignal): AsyncIterable<WatchMessage>;
  stop(): Promise<void>;
}

const RING_BYTES = 12 * 1024;
const HISTORY_BYTES = 1024 * 1024;
const PARTITION_CHECK_MS = 1_000;
const HEARTBEAT_MS = 1_000;
const LIFETIME = { startedAtMs: 0, maxAgeMs: Number.MAX_SAFE_INTEGER, drainWindowMs: () => undefined };
const ALL = createEventFilter({ statuses: [], orderIds: [], customerIds: [], eventTypes: [] });

export function startSimulatedGateway(kafka: SimulatedKafka, parts: GatewayParts = {}): SimulatedGateway {
  const connect = parts.connect?.(kafka.connect) ?? kafka.connect;
  const openReader = (): LogReader => {
    const config = { brokers: ['broker:1', 'broker:2'], clientId: 'gateway', topic: kafka.topic, connect };
    const reader = createLogReader({ ...config, isolation: 'uncommitted' });
    return parts.reader?.(reader) ?? reader;
  };
  const orderLog = createOrderLog({
    ringBytes: RING_BYTES,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped: (partition, offset, error) => {
        throw new Error(`partition ${partition} has no event at ${offset}`, { cause: error });
      },
      onIngested: () => {},
      onSourceChanged: () => {},
    },
  });
  const log = parts.log?.(orderLog) ?? orderLog;
  const [blocks, places] = [openReader(), openReader()];
  const onUnreadable = (error: Error) => {
    throw error;
  };
  const history = createHistory({
    ...{ reader: blocks, maxBytes: HISTORY_BYTES, maxConcurrentFetches: 8, onFetch: () => {}, onUnreadable },
  });
  const tail = createLogTail({
    ...{ orderLog: log, openReader, onUnreadable, partitionCheckMs: PARTITION_CHECK_MS },
    readLayout: async (topicId) => {
      await nextTurn();
      const topic = kafka.current();
      return topic?.id === topicId ? [...topic.layout] : [];
    },
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  const sources: WatchSources = {
    log,
    complete: createCompleteBoard(),
    batches: createSharedBatches(log),
    seats: createEdgeSeats(log),
    history: parts.history?.(history) ?? history,
    reader: places,
    onReadFailure: () => {},
  };
  const watches = createWatchRegistry({
    limits: { ofProcess: 1_000, ofConnection: 1_000, ofPrincipal: 1_000, requestBytes: Infinity },
    ...{ onDrain: () => {}, onRefused: () => {}, onEnded: () => {} },
  });
  void tail.start(new AbortController().signal);
  return {
    log,
    memberSources: { ...sources, log: parts.memberLog?.(log) ?? log },
    watch: (start, allowGap, signal) => {
      const request = { filter: ALL, start, allowGap, heartbeatMs: HEARTBEAT_MS, maxBatchSize: 4 };
      return watchLog(request, watches.add(newWatch()), createWatchLifetime(LIFETIME), sources, signal);
    },
    async stop() {
      blocks.close();
      places.close();
      await tail.stop();
    },
  };
}
