import { cpuSeconds, memoryKilobytes, peakMemoryMb } from '../bench/process-usage.ts';
import { watchUsage, describeUsage } from '../bench/usage-window.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchPart } from './bench-part.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { requestsMatching } from './watch-requests.ts';

const WATCHERS = 1_000;
const EVENTS = 50_000;
const QUICK_EVENTS = 5_000;
const MEBIBYTE = 1024 * 1024;
/** Small, so that nearly all is read from Kafka again. */
const RING_BYTES = String(2 * MEBIBYTE);
const PRODUCED_PER_SECOND = 10_000;

/** How fast watchers that start at the oldest event, all at once, have read everything, and how often Kafka is asked. */
export const catchUpPart: BenchPart = {
  name: 'catch-up',
  limitMs: 240_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.catch-up', { GATEWAY_RING_BYTES: RING_BYTES });
    const { address, servers, watches, events, pid } = path;
    const count = context.quick ? QUICK_EVENTS : EVENTS;
    context.step(`producing ${count} events`);
    await events.run({ eventsPerSecond: PRODUCED_PER_SECOND, count });
    const rows: FigureRow[] = [];
    const notes: string[] = [];
    for (const share of [1, 0.01]) {
      context.step(`${WATCHERS} watchers of ${share * 100} % from the oldest event on`);
      const requests = requestsMatching(share, 'earliest');
      const fetchesBefore = await path.metric('stream_history_fetches_total');
      const memoryBefore = memoryKilobytes(pid);
      const endUsage = watchUsage({ gateway: [pid], kafka: [servers.kafkaPid], watchers: watches.pids });
      const cpuBefore = cpuSeconds(pid);
      const beganMs = performance.now();
      await watches.connect({ address, path: WATCH_ORDERS_PATH, count: WATCHERS, requests, reads: true });
      await watches.receives(count * WATCHERS * share, context.signal);
      const seconds = (performance.now() - beganMs) / 1000;
      const received = await watches.counts();
      rows.push({
        matching: `${share * 100} %`,
        seconds,
        perSecond: received.events / seconds,
        perCpuSecond: received.events / (cpuSeconds(pid) - cpuBefore),
        fetches: (await path.metric('stream_history_fetches_total')) - fetchesBefore,
        fewest: received.fewestEvents,
        most: received.mostEvents,
        memoryMb: (memoryKilobytes(pid) - memoryBefore) / 1024,
      });
      notes.push(`${share * 100} %: ${describeUsage(endUsage())}`);
      await watches.disconnect();
    }
    notes.push(`peak RSS of the gateway: ${Math.round(peakMemoryMb(pid))} MB; its ring is 2 MB here`);
    return [
      {
        title: `${WATCHERS} watchers catch up with ${count} events, connecting included`,
        columns: COLUMNS,
        rows,
        notes,
      },
    ];
  },
};

const COLUMNS = [
  { key: 'matching', label: 'matching' },
  { key: 'seconds', label: 'seconds', digits: 1 },
  { key: 'perSecond', label: 'deliveries/s' },
  { key: 'perCpuSecond', label: 'per CPU-second' },
  { key: 'fetches', label: 'fetches from Kafka' },
  { key: 'fewest', label: 'fewest events' },
  { key: 'most', label: 'most events' },
  { key: 'memoryMb', label: 'RSS grew by MB' },
];
