import { setTimeout as pause } from 'node:timers/promises';
import { cpuSeconds, memoryKilobytes } from '../bench/process-usage.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchPart } from './bench-part.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const WATCHERS = [1_000, 5_000, 10_000];
const QUICK_WATCHERS = [1_000];
/** Long enough for a heartbeat of each, and for what the connecting left behind to be collected. */
const SETTLE_MS = 20_000;
const QUICK_SETTLE_MS = 5_000;

/** What a watcher costs that gets nothing but heartbeats. */
export const idlePart: BenchPart = {
  name: 'idle',
  limitMs: 150_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.idle');
    const settle = () => pause(context.quick ? QUICK_SETTLE_MS : SETTLE_MS);
    const rows: FigureRow[] = [];
    const { address } = path;
    const requests = [encodeRequest({})];
    await settle();
    const alone = memoryKilobytes(path.pid);
    let watchers = 0;
    for (const wanted of context.quick ? QUICK_WATCHERS : WATCHERS) {
      context.step(`${wanted} watchers`);
      const count = wanted - watchers;
      await path.watches.connect({ address, path: WATCH_ORDERS_PATH, count, requests, reads: true });
      watchers = wanted;
      await settle();
      const cpuBefore = cpuSeconds(path.pid);
      const beganMs = performance.now();
      await settle();
      const seconds = (performance.now() - beganMs) / 1000;
      const used = memoryKilobytes(path.pid);
      rows.push({
        watchers,
        memoryMb: used / 1024,
        perWatcher: (used - alone) / watchers,
        cpuPercent: ((cpuSeconds(path.pid) - cpuBefore) / seconds) * 100,
      });
    }
    return [
      {
        title: 'Idle watchers, each on a connection of its own, with a heartbeat every 15 s',
        columns: [
          { key: 'watchers', label: 'watchers' },
          { key: 'memoryMb', label: 'gateway RSS MB' },
          { key: 'perWatcher', label: 'kB per watcher', digits: 1 },
          { key: 'cpuPercent', label: 'gateway % of a core', digits: 1 },
        ],
        rows,
        notes: [`the gateway without watchers: ${Math.round(alone / 1024)} MB, not counted per watcher`],
      },
    ];
  },
};
