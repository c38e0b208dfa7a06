import { Gauge, type Registry } from 'prom-client';
import type { RequestArrivals } from './grpc/request-arrivals.ts';
import type { OrderLogView } from './log/order-log.ts';
import type { RegisteredWatch } from './stream/registered-watch.ts';
import type { WatchRegistry } from './stream/watch-registry.ts';

/** Gauges that are read when they are asked for. */
export function registerGatewayGauges(
  registry: Registry,
  log: Pick<OrderLogView, 'sizeBytes' | 'oldestLogTimeMs' | 'source' | 'waitingPartitions'>,
  watches: Pick<WatchRegistry, 'countByState' | 'list' | 'requestBytes'>,
  arrivals: Pick<RequestArrivals, 'calls'>,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
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
  gauge(
    'stream_backlog_events_max',
    'Records between the stream that is furthest behind and the end of the log.',
    () => Math.max(0, ...backlogs(watches.list())),
  );
  gauge(
    'stream_backlog_events_sum',
    'Records that streams are behind the end of the log, all of them together.',
    () => backlogs(watches.list()).reduce((sum, backlog) => sum + backlog, 0),
  );
  gauge('stream_blocked_longest_seconds', 'How long the most patient client has taken nothing.', () =>
    longestBlockSeconds(watches.list()),
  );
  gauge(
    'stream_request_bytes',
    "Memory that filters and other parts of open streams' requests take, about.",
    () => watches.requestBytes(),
  );
  gauge('stream_calls_unsaid', 'Calls whose request has not arrived yet.', () => arrivals.calls());
  gauge('stream_ring_bytes', 'Memory that the newest events take, about.', () => log.sizeBytes());
  gauge(
    'stream_ring_floor_age_seconds',
    'Age of the oldest event in memory: older ones are read from Kafka again.',
    () => {
      const oldestMs = log.oldestLogTimeMs();
      return oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs) / 1000;
    },
  );
  gauge('stream_source_available', '1 while Kafka can be read.', () => (log.source().available ? 1 : 0));
  gauge(
    'stream_partitions_waiting',
    'Partitions that cannot be read and are waited for.',
    () => log.waitingPartitions().length,
  );
}

function backlogs(watches: Iterable<RegisteredWatch>): number[] {
  return Array.from(watches, (watch) => Number(watch.backlog()));
}

function longestBlockSeconds(watches: Iterable<RegisteredWatch>): number {
  const nowMs = performance.now();
  let longestMs = 0;
  for (const watch of watches) longestMs = Math.max(longestMs, nowMs - (watch.blockedSinceMs() ?? nowMs));
  return longestMs / 1000;
}
