import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { createApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { ANYBODY } from '../../apps/api/src/orders/caller.ts';
import type { FigureRow, FigureTable } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { walPosition } from './drain-measurement.ts';
import { startOrderApi } from './order-api.ts';
import { createOrderServices, type Way, WAYS } from './order-services.ts';
import { SAMPLE_HEADERS, sampleOrder } from '../bench/sample-orders.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';

const CONCURRENCIES = [1, 8, 32];
/** The two ways take turns, so that whatever else the machine does falls on both. */
const ROUNDS = 8;
const ROUND_MS = 600;
const DATABASE = 'bench_writes';

/** What the outbox costs the API: orders placed per second with the outbox and without, by its service code and over HTTP. */
export const writeSidePart: BenchPart = {
  name: 'write-side',
  limitMs: 120_000,
  async run(context) {
    const { servers, defer } = context;
    const databaseUrl = await servers.createDatabase(DATABASE);
    defer(() => servers.dropDatabase(DATABASE));
    return [await measureService(context, databaseUrl), await measureHttp(context, databaseUrl)];
  },
};

/** Something that places orders. */
interface OrderDoor {
  readonly databaseUrl: string;
  /** The process that the API's code runs in. */
  readonly pid: number;
  place(way: Way): Promise<unknown>;
}

async function measureService(context: BenchContext, databaseUrl: string): Promise<FigureTable> {
  const { services, stop } = await createOrderServices({
    databaseUrl,
    maxConnections: Math.max(...CONCURRENCIES),
    metrics: createApiMetrics(createMetricsRegistry('bench', '0')),
    log: createLogger({ service: 'bench', level: 'error' }),
    signal: context.signal,
  });
  context.defer(stop);
  const { customerId, currency, items } = sampleOrder(0);
  const place = (way: Way) =>
    services[way].place({ customerId, currency, items }, { ...SAMPLE_HEADERS, caller: ANYBODY });
  return measure(context, 'by the order service alone', { databaseUrl, pid: process.pid, place }, [
    'an order is placed by the order service of the API in this process; "with" appends its event and wakes the relay as the API does',
    'no relay runs: this is the price of the transaction alone',
  ]);
}

async function measureHttp(context: BenchContext, databaseUrl: string): Promise<FigureTable> {
  const api = await startOrderApi(databaseUrl);
  context.defer(() => api.stop());
  return measure(context, 'over HTTP', { databaseUrl, pid: api.pid, place: api.post }, [
    "POST /orders to the API's HTTP server in a process of its own, with its default settings (10 connections, a log line a request)",
    'the client runs in the process of the benchmark, on the same cores',
  ]);
}

async function measure(
  context: BenchContext,
  title: string,
  door: OrderDoor,
  notes: readonly string[],
): Promise<FigureTable> {
  context.step(`${title}: warming up`);
  for (const way of WAYS) await placeFor(door, way, 8, ROUND_MS);
  const usage = watchUsage({ ...apiProcess(door), postgres: [context.servers.postgresPid] });
  const rows: FigureRow[] = [];
  for (const concurrency of CONCURRENCIES) {
    context.step(`${title}: ${concurrency} orders at a time`);
    rows.push(await compare(context, door, concurrency));
  }
  return {
    title: `Committed orders/s with and without the outbox, ${title}`,
    columns: COLUMNS,
    rows,
    notes: [...notes, describeUsage(usage())],
  };
}

/** This process is watched anyway. */
function apiProcess({ pid }: OrderDoor): Record<string, readonly number[]> {
  return pid === process.pid ? {} : { api: [pid] };
}

const COLUMNS = [
  { key: 'concurrency', label: 'at a time' },
  { key: 'ordersPerSecondWith', label: 'with' },
  { key: 'ordersPerSecondWithout', label: 'without' },
  { key: 'ratio', label: 'ratio', digits: 2 },
  { key: 'apiMicrosWith', label: 'API CPU µs/order with' },
  { key: 'apiMicrosWithout', label: 'without' },
  { key: 'postgresMicrosWith', label: 'Postgres CPU with' },
  { key: 'postgresMicrosWithout', label: 'without' },
  { key: 'walBytesWith', label: 'WAL B/order with' },
  { key: 'walBytesWithout', label: 'without' },
];

async function compare(context: BenchContext, door: OrderDoor, concurrency: number): Promise<FigureRow> {
  const { servers, signal } = context;
  const totals = { with: emptyTotal(), without: emptyTotal() };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) {
      signal.throwIfAborted();
      const total = totals[way];
      const walBefore = await walPosition(door.databaseUrl);
      const usage = watchUsage({ ...apiProcess(door), postgres: [servers.postgresPid] });
      total.orders += await placeFor(door, way, concurrency, ROUND_MS);
      const { seconds, cpuSeconds } = usage();
      total.seconds += seconds;
      total.apiSeconds += cpuSeconds['api'] ?? cpuSeconds['bench'] ?? Number.NaN;
      total.postgresSeconds += cpuSeconds['postgres'] ?? Number.NaN;
      total.walBytes += (await walPosition(door.databaseUrl)) - walBefore;
    }
  }
  const ordersPerSecondWith = totals.with.orders / totals.with.seconds;
  const ordersPerSecondWithout = totals.without.orders / totals.without.seconds;
  return {
    concurrency,
    ordersPerSecondWith,
    ordersPerSecondWithout,
    ratio: ordersPerSecondWith / ordersPerSecondWithout,
    apiMicrosWith: (totals.with.apiSeconds / totals.with.orders) * 1e6,
    apiMicrosWithout: (totals.without.apiSeconds / totals.without.orders) * 1e6,
    postgresMicrosWith: (totals.with.postgresSeconds / totals.with.orders) * 1e6,
    postgresMicrosWithout: (totals.without.postgresSeconds / totals.without.orders) * 1e6,
    walBytesWith: totals.with.walBytes / totals.with.orders,
    walBytesWithout: totals.without.walBytes / totals.without.orders,
  };
}

function emptyTotal() {
  return { orders: 0, seconds: 0, walBytes: 0, apiSeconds: 0, postgresSeconds: 0 };
}

/** Places orders for so long, some at a time, and answers with how many. */
async function placeFor(door: OrderDoor, way: Way, concurrency: number, durationMs: number): Promise<number> {
  const startedMs = performance.now();
  let orders = 0;
  async function placeOneAfterAnother(): Promise<void> {
    while (performance.now() - startedMs < durationMs) {
      await door.place(way);
      orders += 1;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, placeOneAfterAnother));
  return orders;
}
