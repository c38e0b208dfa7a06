import {
  type CompleteBoard,
  createCompleteBoard,
  createLogReader,
  createTopicLayoutReader,
  type KafkaConnectionConfig,
  type LogReader,
  type TopicLayoutReader,
} from '@order-events/messaging';
import {
  createClosingPart,
  createSparingWarn,
  kafkaConnection,
  type Logger,
  type Part,
  type Tracing,
} from '@order-events/runtime';
import type { Registry } from 'prom-client';
import { createCompleteFollower } from './complete/complete-follower.ts';
import { createCompleteGauges } from './complete/complete-gauges.ts';
import type { GatewayConfig } from './config.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Health } from './grpc/health.ts';
import type { OrderStreamServiceOptions } from './grpc/order-stream-service.ts';
import { createHistory } from './log/history.ts';
import { lenientLayout, type ReadLayout } from './log/layout-check.ts';
import { createOrderLog, type OrderLog, type OrderLogView } from './log/order-log.ts';
import { createReceiveSpans } from './log/receive-spans.ts';
import { createLogTail } from './log/tail.ts';
import { createUnreadableBatches } from './log/unreadable-batches.ts';
import { createWakeUp } from './log/wake-up.ts';
import { createSlots } from './stream/slots.ts';
import { createEdgeSeats } from './watch/edge-seats.ts';
import { createSharedBatches } from './watch/shared-batches.ts';

const HISTORY_FETCHES = 8;
/** Places by time are looked for one by one: nobody shares them. */
const PLACES_AT_ONCE = 8;
/** Of one partition in a response: what it holds is decoded in one go. */
const TAIL_PARTITION_BYTES = 256 * 1024;

interface LogSourcesNeeds {
  readonly registry: Registry;
  readonly metrics: GatewayMetrics;
  readonly health: Health;
  /** Undefined makes no spans. */
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
}

/** The log in memory, the tail that fills it, and the reader of what is not in memory. */
export function createLogSources(
  config: GatewayConfig,
  { registry, metrics, health, tracing, log }: LogSourcesNeeds,
): { sources: OrderStreamServiceOptions['sources']; subscriptionReader: LogReader; parts: Part[] } {
  const orderLog = createObservedLog(config, metrics, health, log);
  const warnOfRead = createSparingWarn(log);
  const { openTail, blocks, places, layout, subscriptionReader } = createReaders(config, log);
  const onUnreadable = createUnreadableBatches(metrics, log, orderLog.epoch);
  const history = createHistory({
    reader: blocks,
    maxBytes: config.GATEWAY_HISTORY_BYTES,
    maxConcurrentFetches: HISTORY_FETCHES,
    onFetch: metrics.historyFetched,
    onEncoded: metrics.historyEncoded,
    onUnreadable,
  });
  const onReadFailure = (error: unknown) => {
    metrics.readFailed();
    warnOfRead({ reason: error }, 'a read for a stream failed, trying on');
  };
  const { complete, follower } = createCompleteness(config, registry, orderLog, log);
  return {
    sources: {
      complete,
      log: orderLog,
      batches: createSharedBatches(orderLog),
      seats: createEdgeSeats(orderLog),
      history,
      reader: inTurn(places),
      onReadFailure,
    },
    subscriptionReader,
    parts: [
      createClosingPart('reader of subscriptions', () => subscriptionReader.close()),
      createClosingPart('history reader', () => blocks.close()),
      createClosingPart('reader of places', () => places.close()),
      createClosingPart('layout reader', () => layout.reader.close()),
      createLogTail({
        ...{ orderLog, openReader: openTail, log, onUnreadable },
        readLayout: layout.read,
        onReceived: tracing && createReceiveSpans({ tracing, ...namesOf(config) }),
        partitionCheckMs: config.GATEWAY_PARTITION_CHECK_MS,
      }),
      follower,
    ],
  };
}

function createObservedLog(
  config: GatewayConfig,
  metrics: GatewayMetrics,
  health: Health,
  log: Logger,
): OrderLog {
  const warnOfRecord = createSparingWarn(log);
  return createOrderLog({
    ringBytes: config.GATEWAY_RING_BYTES,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped(partition, offset, error) {
        metrics.recordSkipped();
        warnOfRecord({ reason: error, partition, offset }, 'left out a record that is no order event');
      },
      onIngested: metrics.ingested,
      onSourceChanged: health.setSourceAvailable,
    },
  });
}

/** A broker answers the requests of one connection one by one: who asks where the log ends does not wait for blocks of history. */
function createReaders(config: GatewayConfig, log: Logger) {
  const readerConfig = {
    ...kafkaConnection(config),
    ...namesOf(config),
    // The relay's transactions hold no records; one that it left open when it died would keep committed readers waiting for nothing.
    isolation: 'uncommitted',
  } as const;
  return {
    openTail: () => createLogReader({ ...readerConfig, partitionMaxBytes: TAIL_PARTITION_BYTES }),
    blocks: createLogReader(readerConfig),
    places: createLogReader(readerConfig),
    layout: createLayout(readerConfig, log),
    subscriptionReader: createLogReader(readerConfig),
  };
}

function namesOf(config: GatewayConfig): { topic: string; clientId: string } {
  return { topic: config.KAFKA_TOPIC, clientId: config.KAFKA_CLIENT_ID };
}

function inTurn({ ends, place, range }: LogReader): Pick<LogReader, 'ends' | 'place' | 'range'> {
  const slots = createSlots(PLACES_AT_ONCE);
  return { ends, range, place: (at, signal) => slots.run(() => place(at, signal), signal) };
}

/** Where the number of partitions has changed, as far as this process may know. */
function createLayout(
  readerConfig: KafkaConnectionConfig & { readonly topic: string },
  log: Logger,
): { reader: TopicLayoutReader; read: ReadLayout } {
  const warn = createSparingWarn(log);
  const reader = createTopicLayoutReader({
    ...readerConfig,
    onInvalid: (error) => warn({ reason: error }, 'left out a record of the layout topic'),
  });
  return { reader, read: lenientLayout(reader.read, warn) };
}

/** What the relays tell of how complete the log is, and the part that listens. */
function createCompleteness(
  config: GatewayConfig,
  registry: Registry,
  orderLog: OrderLogView,
  log: Logger,
): { complete: CompleteBoard; follower: Part } {
  const complete = createCompleteBoard();
  const { taken } = createCompleteGauges(registry, complete, orderLog);
  const { KAFKA_CLIENT_ID: clientId, KAFKA_TOPIC: topic } = config;
  const connection = { ...kafkaConnection(config), clientId, topic };
  return { complete, follower: createCompleteFollower({ connection, board: complete, onTaken: taken, log }) };
}
