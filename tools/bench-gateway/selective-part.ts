import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const CUSTOMERS = 10_000;
const WARM_UP = { eventsPerSecond: 1_000, count: 2_000 };

interface Size {
  readonly watchers: number;
  readonly rates: readonly number[];
  readonly seconds: number;
}

const FULL: Size = { watchers: 1_000, rates: [100, 1_000], seconds: 10 };
const QUICK: Size = { watchers: 100, rates: [100, 1_000], seconds: 3 };
/** There are ten times as many customers as watchers at first; then watchers nobody has events for, or watchers for all. */
const MORE = 9;

interface Crowd {
  readonly name: string;
  /** Joins those that are there. */
  readonly joins: readonly Uint8Array[];
  /** Events that somebody wants. */
  readonly share: number;
  readonly leavesAfter: boolean;
}

/** What an event costs that concerns one of very many watchers, or none. */
export const selectivePart: BenchPart = {
  name: 'selective',
  limitMs: 300_000,
  async run(context) {
    const size = context.quick ? QUICK : FULL;
    const path = await openDeliveryPath(context, 'bench.selective', {}, CUSTOMERS);
    const rows: FigureRow[] = [];
    const notes: string[] = [];
    for (const { name, joins, share, leavesAfter } of crowds(size.watchers)) {
      context.step(name);
      const { address } = path;
      const group = { address, path: WATCH_ORDERS_PATH, count: joins.length, requests: joins, reads: true };
      if (joins.length > 0) await path.watches.connect(group);
      await measureDelivery(path, WARM_UP, WARM_UP.count * share, context.signal);
      for (const eventsPerSecond of size.rates) {
        const count = eventsPerSecond * size.seconds;
        const phase = { eventsPerSecond, count };
        const { row, usage } = await measureDelivery(path, phase, count * share, context.signal);
        rows.push({ name, rate: eventsPerSecond, ...row });
        notes.push(`${name}, ${eventsPerSecond}/s: ${usage}`);
      }
      if (leavesAfter) await path.watches.disconnect();
    }
    const title = `Watchers of one of ${CUSTOMERS} customers each, produced → received, ms`;
    return [{ title, columns: COLUMNS, rows, notes }];
  },
};

const COLUMNS = [
  { key: 'name', label: 'watchers' },
  { key: 'rate', label: 'events/s' },
  { key: 'microsPerEvent', label: 'CPU µs/event' },
  ...DELIVERY_COLUMNS,
];

function crowds(watchers: number): Crowd[] {
  const all = watchers * (1 + MORE);
  return [
    { name: 'none', joins: [], share: 0, leavesAfter: true },
    { name: '1, of all events', joins: [encodeRequest({})], share: 1, leavesAfter: true },
    {
      name: `${watchers}`,
      joins: requestsOf(watchers, watchers),
      share: watchers / CUSTOMERS,
      leavesAfter: false,
    },
    {
      name: `${watchers}, ${watchers * MORE} nobody has events for`,
      joins: Array.from({ length: watchers * MORE }, (_, index) => requestOf(`nobody-${index}`)),
      share: watchers / CUSTOMERS,
      leavesAfter: true,
    },
    { name: `${all}`, joins: requestsOf(all, all), share: all / CUSTOMERS, leavesAfter: true },
  ];
}

/** Of customers at equal distances: of as many events in a row as there are customers for each of them, one is wanted. */
function requestsOf(watchers: number, count: number): Uint8Array[] {
  const distance = CUSTOMERS / watchers;
  return Array.from({ length: count }, (_, index) => requestOf(`customer-${index * distance}`));
}

function requestOf(customerId: string): Uint8Array {
  return encodeRequest({ filter: { customerIds: [customerId] } });
}
