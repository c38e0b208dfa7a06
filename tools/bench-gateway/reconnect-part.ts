import { cpuSeconds } from '../bench/process-usage.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';
import type { BenchPart } from './bench-part.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { latencyAt } from './latency-histogram.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const WATCHERS = 5_000;
const QUICK_WATCHERS = 1_000;
const RATE = 2;
const SECONDS = 14;
const STEADY_MS = 2_000;

/** How long watchers that all lose their connection at once, while events come, take to be there again, and whether they miss any. */
export const reconnectPart: BenchPart = {
  name: 'reconnect',
  limitMs: 90_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.reconnect');
    const { address, servers, pid, events, watches } = path;
    const watchers = context.quick ? QUICK_WATCHERS : WATCHERS;
    const requests = [encodeRequest({})];
    context.step(`${watchers} watchers`);
    await watches.connect({ address, path: WATCH_ORDERS_PATH, count: watchers, requests, reads: true });
    await watches.reset();
    const count = RATE * SECONDS;
    const producing = events.run({ eventsPerSecond: RATE, count });
    await new Promise((resolve) => setTimeout(resolve, STEADY_MS));
    const endUsage = watchUsage({ gateway: [pid], kafka: [servers.kafkaPid], watchers: watches.pids });
    const cpuBefore = cpuSeconds(pid);
    context.step('all connections are cut');
    const reconnects = await watches.reconnect();
    const cpuMs = (cpuSeconds(pid) - cpuBefore) * 1000;
    const usage = describeUsage(endUsage());
    await producing;
    await watches.receives(count * watchers, context.signal);
    const { fewestEvents, mostEvents, ended } = await watches.counts();
    const row = {
      watchers,
      p50Ms: latencyAt(reconnects, 0.5),
      p99Ms: latencyAt(reconnects, 0.99),
      maxMs: latencyAt(reconnects, 1),
      cpuMicros: (cpuMs / watchers) * 1000,
      produced: count,
      fewest: fewestEvents,
      most: mostEvents,
      refused: ended,
    };
    return [
      {
        title: 'All watchers reconnect at once, ms until the first message',
        columns: COLUMNS,
        rows: [row],
        notes: [usage],
      },
    ];
  },
};

const COLUMNS = [
  { key: 'watchers', label: 'watchers' },
  { key: 'p50Ms', label: 'p50' },
  { key: 'p99Ms', label: 'p99' },
  { key: 'maxMs', label: 'max' },
  { key: 'cpuMicros', label: 'gateway CPU µs/watcher' },
  { key: 'produced', label: 'events' },
  { key: 'fewest', label: 'fewest received' },
  { key: 'most', label: 'most received' },
  { key: 'refused', label: 'refused' },
];
