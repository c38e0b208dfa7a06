import { setTimeout as pause } from 'node:timers/promises';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { latencyAt, mergeLatencies } from './latency-histogram.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const WATCHERS = [1_000, 10_000];
const ROUNDS = 10;
const QUICK = { watchers: [1_000], rounds: 5 };
const REST_MS = 500;
const ONE_EVENT = { eventsPerSecond: 1, count: 1 };

/** How long one event takes to reach everybody, while nothing else happens. */
export const oneEventPart: BenchPart = {
  name: 'one-event',
  limitMs: 120_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.one-event');
    const rows: FigureRow[] = [];
    const notes: string[] = [];
    const { address } = path;
    const requests = [encodeRequest({})];
    for (const count of context.quick ? QUICK.watchers : WATCHERS) {
      context.step(`${count} watchers`);
      await path.watches.connect({ address, path: WATCH_ORDERS_PATH, count, requests, reads: true });
      await measureDelivery(path, ONE_EVENT, count, context.signal);
      const rounds = context.quick ? QUICK.rounds : ROUNDS;
      const latencies = [];
      for (let round = 0; round < rounds; round += 1) {
        await pause(REST_MS);
        const { received, usage } = await measureDelivery(path, ONE_EVENT, count, context.signal);
        latencies.push(received.latencies);
        notes[rows.length] = `${count} watchers, last round: ${usage}`;
      }
      const all = mergeLatencies(latencies);
      const at = (share: number) => latencyAt(all, share);
      rows.push({ watchers: count, rounds, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) });
      await path.watches.disconnect();
    }
    return [{ title: 'One event to all watchers, produced → received, ms', columns: COLUMNS, rows, notes }];
  },
};

const COLUMNS = [
  { key: 'watchers', label: 'watchers' },
  { key: 'rounds', label: 'events' },
  ...DELIVERY_COLUMNS.filter(({ key }) => key.endsWith('Ms')),
];
