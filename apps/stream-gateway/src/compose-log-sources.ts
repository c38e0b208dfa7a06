import {
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
} from '@order-events/runtime';
import type { GatewayConfig } from './config.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Health } from './grpc/health.ts';
import type { OrderStreamServiceOptions } from './grpc/order-stream-service.ts';
import { createHistory } from './log/history.ts';
import { lenientLayout, type ReadLayout } from './log/layout-check.ts';
import { createOrderLog } from './log/order-log.ts';
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

/** The log in memory, the tail that fills it, and the reader of what is not in memory. */
export function createLogSources(
  config: GatewayConfig,
  metrics: GatewayMetrics,
  health: Health,
  log: Logger,
): { sources: OrderStreamServiceOptions['sources']; subscriptionReader: LogReader; parts: Part[] } {
  const [warnOfRecord, warnOfRead] = [createSparingWarn(log), createSparingWarn(log)];
  const orderLog = createOrderLog({
    ringBytes: config.GATEWAY_RING_BYTES,
    wakeUp: createWakeUp(),
    listeners: {
      onSkipped(partition, offset, error) {
        metrics.recordSkipped();
        warnOfRecord({ err: error, partition, offset }, 'left out a record that is no order event');
      },
      onIngested: metrics.ingested,
      onSourceChanged: health.setSourceAvailable,
    },
  });
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
    warnOfRead({ err: error }, 'a read for a stream failed, trying on');
  };
  return {
    sources: {
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
        partitionCheckMs: config.GATEWAY_PARTITION_CHECK_MS,
      }),
    ],
  };
}

/** A broker answers the requests of one connection one by one: who asks where the log ends does not wait for blocks of history. */
function createReaders(config: GatewayConfig, log: Logger) {
  const readerConfig = {
    ...kafkaConnection(config),
    topic: config.KAFKA_TOPIC,
    clientId: config.KAFKA_CLIENT_ID,
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
    onInvalid: (error) => warn({ err: error }, 'left out a record of the layout topic'),
  });
  return { reader, read: lenientLayout(reader.read, warn) };
}
