import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LogEvent } from './log/log-event.ts';
import type { OrderLogView } from './log/order-log.ts';
import type { WatchState } from './watch/registered-watch.ts';
import type { WatchRegistry } from './watch/watch-registry.ts';

/** What the gateway counts; names and help texts are what operators see. */
export interface GatewayMetrics {
  ingested(events: number, duplicates: number): void;
  recordSkipped(): void;
  historyFetched(): void;
  readFailed(): void;
  /** A message goes out to a stream in the given state. */
  sent(message: { readonly events: readonly LogEvent[] }, state: WatchState): void;
  tokenRejected(reason: string): void;
  /** A stream was ended that could have gone on. */
  streamEnded(reason: string): void;
  callEnded(method: string, code: string): void;
}

export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const eventsSent = counter('stream_events_sent_total', 'Events sent to streams.');
  const messagesSent = counter('stream_messages_sent_total', 'Messages sent to streams.');
  const ingested = counter('stream_events_ingested_total', 'Events read from the log into memory.');
  const skipped = counter('stream_records_skipped_total', 'Records that no stream gets.', ['reason']);
  const historyFetches = counter(
    'stream_history_fetches_total',
    'Reads of older events that memory did not hold.',
  );
  const readFailures = counter(
    'stream_read_failures_total',
    'Reads for single streams that failed and were tried again.',
  );
  const tokensRejected = counter('stream_tokens_rejected_total', 'Resume tokens that were refused.', [
    'reason',
  ]);
  const streamsEnded = counter(
    'stream_ended_by_server_total',
    'Streams that the gateway has ended although they could have gone on.',
    ['reason'],
  );
  const calls = counter('grpc_server_handled_total', 'Calls that have ended.', ['method', 'code']);
  const latency = new Histogram({
    name: 'stream_delivery_latency_seconds',
    help: 'From the append to the log to the write to a live stream, of the oldest event of each message.',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  return {
    ingested(events, duplicates) {
      ingested.inc(events);
      if (duplicates > 0) skipped.inc({ reason: 'duplicate' }, duplicates);
    },
    recordSkipped: () => skipped.inc({ reason: 'invalid' }),
    historyFetched: () => historyFetches.inc(),
    readFailed: () => readFailures.inc(),
    sent({ events }, state) {
      messagesSent.inc();
      const [oldest] = events;
      if (!oldest) return;
      eventsSent.inc(events.length);
      if (state === 'live') latency.observe(Math.max(0, Date.now() - oldest.logTimeMs) / 1000);
    },
    tokenRejected: (reason) => tokensRejected.inc({ reason }),
    streamEnded: (reason) => streamsEnded.inc({ reason }),
    callEnded: (method, code) => calls.inc({ method, code }),
  };
}

/** Gauges that are read when they are asked for. */
export function registerGatewayGauges(registry: Registry, log: OrderLogView, watches: WatchRegistry): void {
  const registers = [registry];
  new Gauge({
    name: 'stream_watchers',
    help: 'Open streams; blocked: the client takes nothing.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(watches.countByState())) {
        this.set({ state: state.replace(' ', '_') }, count);
      }
    },
  });
  new Gauge({
    name: 'stream_ring_bytes',
    help: 'Memory that the newest events take, about.',
    registers,
    collect() {
      this.set(log.sizeBytes());
    },
  });
  new Gauge({
    name: 'stream_ring_floor_age_seconds',
    help: 'Age of the oldest event in memory: older ones are read from Kafka again.',
    registers,
    collect() {
      const oldestMs = log.oldestLogTimeMs();
      this.set(oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000);
    },
  });
  new Gauge({
    name: 'stream_source_available',
    help: '1 while Kafka can be read.',
    registers,
    collect() {
      this.set(log.source().available ? 1 : 0);
    },
  });
}
