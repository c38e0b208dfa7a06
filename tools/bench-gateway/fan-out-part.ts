import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath, type OpenPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { requestsMatching } from './watch-requests.ts';

const WATCHERS = [1_000, 10_000];
const SHARES = [0.01, 0.1, 1];
const RATES = [1, 100, 1_000];
const SECONDS = 6;
const QUICK = { watchers: [1_000], rates: [100, 1_000], seconds: 3 };
const WARM_UP = { eventsPerSecond: 1_000, count: 1_000 };

/** How many deliveries a second of the gateway's CPU makes, and how late they are, as watchers, filters and events grow. */
export const fanOutPart: BenchPart = {
  name: 'fan-out',
  limitMs: 400_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.fan-out');
    const rows: FigureRow[] = [];
    const notes: string[] = [];
    for (const watchers of context.quick ? QUICK.watchers : WATCHERS) {
      for (const share of SHARES) {
        context.step(`${watchers} watchers of ${share * 100} %`);
        const requests = requestsMatching(share);
        const { address } = path;
        await path.watches.connect({
          ...{ address, path: WATCH_ORDERS_PATH, count: watchers, requests, reads: true },
        });
        await measureDelivery(path, WARM_UP, WARM_UP.count * watchers * share, context.signal);
        for (const rate of context.quick ? QUICK.rates : RATES) {
          const measured = await measureCell(context, path, watchers, share, rate);
          rows.push(measured.row);
          notes.push(measured.note);
        }
        await path.watches.disconnect();
      }
    }
    return [
      {
        title: 'Produced → received, ms, by watchers, share of events that match, and events/s',
        columns: COLUMNS,
        rows,
        notes,
      },
    ];
  },
};

const COLUMNS = [
  { key: 'watchers', label: 'watchers' },
  { key: 'matching', label: 'matching' },
  { key: 'rate', label: 'events/s' },
  ...DELIVERY_COLUMNS,
];

async function measureCell(
  { quick, signal }: BenchContext,
  path: OpenPath,
  watchers: number,
  share: number,
  rate: number,
): Promise<{ row: FigureRow; note: string }> {
  const count = rate * (quick ? QUICK.seconds : SECONDS);
  const { row, usage } = await measureDelivery(
    path,
    { eventsPerSecond: rate, count },
    Math.floor(count * watchers * share),
    signal,
  );
  const matching = `${share * 100} %`;
  return {
    row: { watchers, matching, rate, ...row },
    note: `${watchers} × ${matching} × ${rate}/s: ${usage}`,
  };
}
