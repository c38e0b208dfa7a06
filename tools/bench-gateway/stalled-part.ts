import { memoryKilobytes } from '../bench/process-usage.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath, type OpenPath } from './delivery-path.ts';
import { startWatchLoad, WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const WATCHERS = 1_000;
const STALLED = 100;
const RATES = [100, 1_000];
const SECONDS = 6;
const QUICK_SECONDS = 3;
const WARM_UP_EVENTS = 3_000;
/** With and without stalled watchers take turns, so that both see the same machine. */
const ROUNDS = 3;

/** What watchers that do not read cost those that do. */
export const stalledPart: BenchPart = {
  name: 'stalled',
  limitMs: 240_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.stalled');
    const { address } = path;
    const requests = [encodeRequest({})];
    const count = WATCHERS - STALLED;
    await path.watches.connect({ address, path: WATCH_ORDERS_PATH, count, requests, reads: true });
    const stalled = startWatchLoad(1);
    context.defer(() => stalled.stop());
    const warmUp = { eventsPerSecond: 1_000, count: WARM_UP_EVENTS };
    const rows: FigureRow[] = [];
    for (const rate of RATES) {
      for (let round = 0; round < (context.quick ? 1 : ROUNDS); round += 1) {
        rows.push({ stalled: 0, ...(await measureRound(context, path, rate)) });
        await stalled.connect({ address, path: WATCH_ORDERS_PATH, count: STALLED, requests, reads: false });
        // More than a window of flow control takes: from here on they are stalled.
        await measureDelivery(path, warmUp, WARM_UP_EVENTS * count, context.signal);
        rows.push({ stalled: STALLED, ...(await measureRound(context, path, rate)) });
        await stalled.disconnect();
      }
    }
    return [
      {
        title: `Produced → received by ${count} watchers, ms, while others do not read`,
        columns: [
          { key: 'stalled', label: 'others that do not read' },
          { key: 'rate', label: 'events/s' },
          ...DELIVERY_COLUMNS,
          { key: 'memoryMb', label: 'gateway RSS MB' },
        ],
        rows,
        notes: [],
      },
    ];
  },
};

async function measureRound(context: BenchContext, path: OpenPath, rate: number): Promise<FigureRow> {
  context.step(`${rate} events a second`);
  const count = rate * (context.quick ? QUICK_SECONDS : SECONDS);
  const deliveries = count * (WATCHERS - STALLED);
  const { row } = await measureDelivery(path, { eventsPerSecond: rate, count }, deliveries, context.signal);
  return { rate, ...row, memoryMb: memoryKilobytes(path.pid) / 1024 };
}
