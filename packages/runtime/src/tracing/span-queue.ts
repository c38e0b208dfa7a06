import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';

export type SpanLoss = 'queue_full' | 'not_taken' | 'stopped';

export interface SpanQueueOptions {
  /** Is given one batch at a time, and tells how it went. */
  readonly exporter: SpanExporter;
  readonly maxWaiting: number;
  readonly intervalMs: number;
  readonly onLost: (count: number, why: SpanLoss, error?: Error) => void;
}

/** Of one request; a queue that has so many is sent at once. */
const BATCH_SPANS = 512;
const SUCCESS = 0;

/**
 * Holds ended spans until they are sent, batch after batch. The one of OpenTelemetry does the same and keeps to itself how many it has
 * dropped; here everything that is lost is told.
 */
export function createSpanQueue({
  exporter,
  maxWaiting,
  intervalMs,
  onLost,
}: SpanQueueOptions): SpanProcessor {
  const waiting: ReadableSpan[] = [];
  let sending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped: Promise<void> | undefined;

  function sendBatch(): Promise<void> {
    const batch = waiting.splice(0, BATCH_SPANS);
    return new Promise((resolve) => {
      exporter.export(batch, ({ code, error }) => {
        if (code !== SUCCESS) onLost(batch.length, 'not_taken', error);
        resolve();
      });
    });
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) await sendBatch();
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    return (sending ??= sendAll().finally(() => (sending = undefined)));
  }

  function schedule(): void {
    if (sending) return;
    if (waiting.length >= BATCH_SPANS) void flush();
    else timer ??= setTimeout(() => void flush(), intervalMs).unref();
  }

  async function stop(): Promise<void> {
    await flush();
    await exporter.shutdown();
  }

  return {
    onStart() {},
    onEnd(span) {
      if (stopped) return onLost(1, 'stopped');
      if (waiting.length >= maxWaiting) return onLost(1, 'queue_full');
      waiting.push(span);
      schedule();
    },
    forceFlush: flush,
    shutdown: () => (stopped ??= stop()),
  };
}
