import type { FigureRow } from '../bench/figure-table.ts';
import { cpuSeconds } from '../bench/process-usage.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';
import type { BenchServers } from './bench-servers.ts';
import type { EventLoad, EventPhase } from './event-load.ts';
import { latencyAt } from './latency-histogram.ts';
import type { WatchFigures, WatchLoad } from './watch-load.ts';

/** What is measured together. */
export interface DeliveryPath {
  readonly servers: BenchServers;
  /** The gateway's process. */
  readonly pid: number;
  readonly events: EventLoad;
  readonly watches: WatchLoad;
}

export interface DeliveryFigures {
  readonly row: FigureRow;
  readonly received: WatchFigures;
  readonly usage: string;
}

/** How tables show the figures of `measureDelivery`. */
export const DELIVERY_COLUMNS = [
  { key: 'deliveries', label: 'deliveries' },
  { key: 'perCpuSecond', label: 'per CPU-second' },
  { key: 'cpuPercent', label: 'gateway % of a core' },
  { key: 'eventsPerMessage', label: 'events/message', digits: 1 },
  { key: 'p50Ms', label: 'p50', digits: 1 },
  { key: 'p99Ms', label: 'p99', digits: 1 },
  { key: 'maxMs', label: 'max', digits: 1 },
];

/** How long the watchers may take for what is left when the last event has been produced. */
const REST_MS = 20_000;

/**
 * Produces a phase of events, waits until the watchers have received `deliveries` together, and measures from the one to the other.
 * Watchers that are not done after a while have their figures taken all the same, and it is said.
 */
export async function measureDelivery(
  { servers, pid, events, watches }: DeliveryPath,
  phase: EventPhase,
  deliveries: number,
  signal: AbortSignal,
): Promise<DeliveryFigures> {
  await watches.reset();
  const endUsage = watchUsage({
    gateway: [pid],
    kafka: [servers.kafkaPid],
    producer: [events.pid],
    watchers: watches.pids,
  });
  const cpuBefore = cpuSeconds(pid);
  const beganMs = performance.now();
  const { mostLateMs } = await events.run(phase);
  const rest = AbortSignal.any([signal, AbortSignal.timeout(REST_MS)]);
  const isComplete = await watches.receives(deliveries, rest).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  const cpu = cpuSeconds(pid) - cpuBefore;
  const seconds = (performance.now() - beganMs) / 1000;
  const usage = describeUsage(endUsage());
  const received = await watches.figures();
  const notes = [
    ...(mostLateMs > 20 ? [`producer up to ${Math.round(mostLateMs)} ms late`] : []),
    ...(isComplete ? [] : [`${Math.round((received.events / deliveries) * 100)} % received`]),
    ...(received.events > deliveries ? [`${received.events - deliveries} too many`] : []),
  ];
  return {
    row: {
      deliveries: received.events,
      perCpuSecond: received.events / cpu,
      cpuPercent: (cpu / seconds) * 100,
      microsPerEvent: (cpu / phase.count) * 1_000_000,
      eventsPerMessage: received.events / received.messages,
      p50Ms: latencyAt(received.latencies, 0.5),
      p99Ms: latencyAt(received.latencies, 0.99),
      maxMs: latencyAt(received.latencies, 1),
    },
    received,
    usage: [usage, ...notes].join('; '),
  };
}
