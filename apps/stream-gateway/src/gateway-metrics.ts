import { Counter, Histogram, type Registry } from 'prom-client';
import type { LogEvent } from './log/log-event.ts';
import { createLogMetrics, type LogMetrics } from './log-metrics.ts';
import type { StreamErrorReason } from './stream/stream-error.ts';
import type { WatchState } from './stream/registered-watch.ts';
import type { SlowCause } from './stream/slow-policy.ts';

/** What the gateway counts; names and help texts are what operators see. */
export interface GatewayMetrics extends LogMetrics {
  /** A message goes out to a stream in the given state. */
  sent(message: { readonly events: readonly LogEvent[] }, state: WatchState): void;
  tokenRejected(reason: string): void;
  /** A stream was not let in. */
  streamRefused(reason: string): void;
  /** A stream was ended that could have gone on. */
  streamEnded(reason: string): void;
  /** Why such a stream was too slow. */
  streamEvicted(cause: SlowCause): void;
  callEnded(method: string, code: string): void;
}

const REFUSALS: readonly StreamErrorReason[] = [
  'TOO_MANY_WATCHERS',
  'TOO_MANY_CONSUMERS',
  'TOO_MANY_STREAMS_OF_CONNECTION',
  'TOO_MANY_STREAMS_OF_PRINCIPAL',
  'TOO_MANY_CALLS_OF_PRINCIPAL',
  'REQUEST_MEMORY_EXHAUSTED',
  'REQUEST_NOT_SENT',
];
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const eventsSent = counter('stream_events_sent_total', 'Events sent to streams.');
  const messagesSent = counter('stream_messages_sent_total', 'Messages sent to streams.');
  const tokensRejected = counter('stream_tokens_rejected_total', 'Resume tokens that were refused.', [
    'reason',
  ]);
  const streamsEnded = counter(
    'stream_ended_by_server_total',
    'Streams that the gateway has ended although they could have gone on.',
    ['reason'],
  );
  const streamsRefused = counter('stream_refused_total', 'Streams and calls that a limit has not let in.', [
    'reason',
  ]);
  const evictions = counter(
    'stream_evictions_total',
    'Streams that were ended because their client was too slow.',
    ['cause'],
  );
  const calls = counter('grpc_server_handled_total', 'Calls that have ended.', ['method', 'code']);
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, buckets: BUCKETS, registers });
  const sinceAppend = histogram(
    'stream_delivery_latency_seconds',
    'From the append to the log to the write to a live stream, of the oldest event of each message.',
  );
  const sinceChange = histogram(
    'stream_change_to_delivery_seconds',
    'From the change of an order, just before its commit, to the write to a live stream, of the oldest event of each message.',
  );
  // A counter that appears with its first event has no increase that an alert could see.
  for (const reason of REFUSALS) streamsRefused.inc({ reason }, 0);
  for (const reason of ['ACCESS_EXPIRED', 'ACCESS_REVOKED']) streamsEnded.inc({ reason }, 0);
  for (const cause of ['blocked', 'falling_behind']) evictions.inc({ cause }, 0);
  tokensRejected.inc({ reason: 'RESUME_TOKEN_EXPIRED' }, 0);
  return {
    ...createLogMetrics(registry),
    sent({ events }, state) {
      messagesSent.inc();
      const [oldest] = events;
      if (!oldest) return;
      eventsSent.inc(events.length);
      if (state !== 'live') return;
      const nowMs = Date.now();
      sinceAppend.observe(Math.max(0, nowMs - oldest.logTimeMs) / 1000);
      sinceChange.observe(Math.max(0, nowMs - oldest.occurTimeMs) / 1000);
    },
    tokenRejected: (reason) => tokensRejected.inc({ reason }),
    streamRefused: (reason) => streamsRefused.inc({ reason }),
    streamEvicted: (cause) => evictions.inc({ cause: cause.replace(' ', '_') }),
    streamEnded: (reason) => streamsEnded.inc({ reason }),
    callEnded: (method, code) => calls.inc({ method, code }),
  };
}
