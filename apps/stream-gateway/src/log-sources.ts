import { createLogReader } from '@order-events/messaging';
import { kafkaConnection, type Logger, type Part } from '@order-events/runtime';
import { closingPart } from './closing-part.ts';
import type { GatewayConfig } from './config.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Health } from './grpc/health.ts';
import type { OrderStreamServiceOptions } from './grpc/order-stream-service.ts';
import { createHistory } from './log/history.ts';
import { createOrderLog } from './log/order-log.ts';
import { createSparingWarn } from './log/sparing-log.ts';
import { createLogTail } from './log/tail.ts';
import { createWakeUp } from './log/wake-up.ts';
import { createSharedBatches } from './watch/shared-batches.ts';

const HISTORY_FETCHES = 8;
/** Of one partition in a response: what it holds is decoded in one go. */
const TAIL_PARTITION_BYTES = 256 * 1024;

/** The log in memory, the tail that fills it, and the reader of what is not in memory. */
export function createLogSources(
  config: GatewayConfig,
  metrics: GatewayMetrics,
  health: Health,
  log: Logger,
): { sources: OrderStreamServiceOptions['sources']; parts: Part[] } {
  const warnOfRecord = createSparingWarn(log);
  const warnOfRead = createSparingWarn(log);
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
  const readerConfig = {
    ...kafkaConnection(config),
    topic: config.KAFKA_TOPIC,
    clientId: config.KAFKA_CLIENT_ID,
    // The relay's transactions hold no records; one that it left open when it died would keep committed readers waiting for nothing.
    isolation: 'uncommitted',
  } as const;
  const openReader = () => createLogReader({ ...readerConfig, partitionMaxBytes: TAIL_PARTITION_BYTES });
  const reader = createLogReader(readerConfig);
  const history = createHistory({
    reader,
    maxBytes: config.GATEWAY_HISTORY_BYTES,
    maxConcurrentFetches: HISTORY_FETCHES,
    onFetch: metrics.historyFetched,
    onEncoded: metrics.historyEncoded,
  });
  const onReadFailure = (error: unknown) => {
    metrics.readFailed();
    warnOfRead({ err: error }, 'a read for a stream failed, trying on');
  };
  return {
    sources: { log: orderLog, batches: createSharedBatches(orderLog), history, reader, onReadFailure },
    parts: [
      closingPart('history reader', reader),
      createLogTail({ orderLog, openReader, log, partitionCheckMs: config.GATEWAY_PARTITION_CHECK_MS }),
    ],
  };
}
