import { Counter, type Registry } from 'prom-client';
import { settleWithin } from '../deadline.ts';
import type { Part } from '../lifecycle.ts';
import type { Logger } from '../logger.ts';
import { createOpeningPart } from '../running-part.ts';
import type { SdkTracing } from './sdk-tracing.ts';
import type { SpanLoss } from './span-queue.ts';
import { tracesEndpoint, type TracingSettings } from './tracing-config.ts';
import { type TraceCarrier, type Tracing, unrecordedSpan } from './tracing.ts';

export interface TracingOptions {
  readonly settings: TracingSettings;
  /** Name of the process, unless settings say otherwise. */
  readonly service: string;
  readonly version: string;
  /** How long the process may take to stop; a small part of it is for what waits to be sent. */
  readonly stopDeadlineMs: number;
  /** For a process with metrics: gets `app_spans_dropped_total`. */
  readonly registry?: Registry | undefined;
  readonly log: Logger;
}

/** Start the part before all others, so that it stops after them: their last spans are sent too. */
export interface TracingPart extends Part {
  readonly tracing: Tracing;
}

const STOP_SHARE = 0.05;

/** Undefined where no endpoint is set: nothing of OpenTelemetry's SDK is loaded then, and no span is made. */
export function createTracing(options: TracingOptions): TracingPart | undefined {
  const { settings, service, version, stopDeadlineMs, log } = options;
  const url = tracesEndpoint(settings);
  if (url === undefined) return undefined;
  const onLost = tellOnce(options);
  let sdk: SdkTracing | undefined;
  const part = createOpeningPart('tracing', async () => {
    const { createSdkTracing } = await import('./sdk-tracing.ts');
    const loaded = createSdkTracing({ url, settings, service, version, onLost });
    sdk = loaded;
    return async () => {
      const sent = await settleWithin(loaded.stop(), stopDeadlineMs * STOP_SHARE);
      if (!sent) log.warn('the last spans were not taken in time to stop');
    };
  });
  return {
    ...part,
    tracing: { startSpan: (start) => sdk?.startSpan(start) ?? unrecordedSpan(start.parent ?? NOBODY) },
  };
}

/** What a span carries that is asked for before the start. */
const NOBODY: TraceCarrier = { traceparent: `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00` };

/** Counts every span that is lost; the log is told of the first of each kind. */
function tellOnce({ registry, log }: TracingOptions) {
  const lost = new Counter({
    name: 'app_spans_dropped_total',
    help: 'Spans that were dropped, by why.',
    labelNames: ['reason'],
    registers: registry ? [registry] : [],
  });
  const told = new Set<SpanLoss>();
  return (count: number, loss: SpanLoss, error?: Error): void => {
    lost.inc({ reason: loss }, count);
    if (told.has(loss)) return;
    told.add(loss);
    log.warn({ loss, reason: error }, 'spans are dropped; this is told once for each kind of loss');
  };
}
