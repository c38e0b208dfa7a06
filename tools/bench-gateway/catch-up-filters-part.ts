import type { FigureRow } from '../bench/figure-table.ts';
import { cpuSeconds, peakMemoryMb } from '../bench/process-usage.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { type OpenPath, openDeliveryPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { requestsMatching } from './watch-requests.ts';

const WATCHERS = 1_000;
/** Decoded they are some 80 MB: more than twice what the ring and the history cache hold. */
const EVENTS = 100_000;
const QUICK_EVENTS = 50_000;
const RING_BYTES = String(2 * 1024 * 1024);
const PRODUCED_PER_SECOND = 10_000;

/** How often Kafka is asked when each of very many watchers that catch up wants something else, beside one watcher. */
export const catchUpFiltersPart: BenchPart = {
  name: 'catch-up-filters',
  limitMs: 560_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.catch-up-filters', {
      GATEWAY_RING_BYTES: RING_BYTES,
    });
    const count = context.quick ? QUICK_EVENTS : EVENTS;
    context.step(`producing ${count} events`);
    await path.events.run({ eventsPerSecond: PRODUCED_PER_SECOND, count });
    const rows: FigureRow[] = [];
    for (const { watchers, share } of [
      { watchers: 1, share: 1 },
      { watchers: WATCHERS, share: 1 / WATCHERS },
    ]) {
      context.step(`${watchers} watchers from the oldest event on, each of ${share * 100} % of its own`);
      const requests = requestsMatching(share, 'earliest');
      const caughtUp = await catchUp(context, path, {
        watchers,
        requests,
        deliveries: count * watchers * share,
      });
      rows.push({ watchers, filters: requests.length, ...caughtUp });
    }
    const [alone, together] = rows.map(({ fetches }) => Number(fetches));
    return [
      {
        title: `Watchers with different filters catch up with ${count} events, connecting included`,
        columns: COLUMNS,
        rows,
        notes: [
          `${((together ?? 0) / (alone ?? 1)).toFixed(2)} times the fetches of one stream; the ring is 2 MB here`,
        ],
      },
    ];
  },
};

async function catchUp(
  context: BenchContext,
  { pid, address, watches, metric }: OpenPath,
  wanted: { watchers: number; requests: readonly Uint8Array[]; deliveries: number },
): Promise<FigureRow> {
  const fetchesBefore = await metric('stream_history_fetches_total');
  const cpuBefore = cpuSeconds(pid);
  const beganMs = performance.now();
  const { watchers, requests } = wanted;
  await watches.connect({ address, path: WATCH_ORDERS_PATH, count: watchers, requests, reads: true });
  const connectedMs = performance.now();
  await watches.receives(wanted.deliveries, context.signal);
  const endedMs = performance.now();
  const fetches = (await metric('stream_history_fetches_total')) - fetchesBefore;
  await watches.disconnect();
  return {
    connecting: (connectedMs - beganMs) / 1000,
    seconds: (endedMs - beganMs) / 1000,
    cpu: cpuSeconds(pid) - cpuBefore,
    fetches,
    peakMb: peakMemoryMb(pid),
  };
}

const COLUMNS = [
  { key: 'watchers', label: 'watchers' },
  { key: 'filters', label: 'filters' },
  { key: 'connecting', label: 's to connect', digits: 1 },
  { key: 'seconds', label: 'seconds', digits: 1 },
  { key: 'cpu', label: 'CPU seconds', digits: 1 },
  { key: 'fetches', label: 'fetches from Kafka' },
  { key: 'peakMb', label: 'peak RSS MB' },
];
