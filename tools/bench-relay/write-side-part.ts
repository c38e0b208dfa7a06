import { createDatabase, createPool, createWakeUpNotifier } from '@order-events/database';
import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { createApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { createIdempotencyStore } from '../../apps/api/src/orders/idempotency-store.ts';
import { createOrderService, type OrderService } from '../../apps/api/src/orders/order-service.ts';
import { createOrderStore } from '../../apps/api/src/orders/order-store.ts';
import { createOutboxWriter } from '../../apps/api/src/orders/outbox-writer.ts';
import type { BenchContext, BenchPart, FigureRow } from './bench-part.ts';
import { walPosition } from './drain-measurement.ts';
import { SAMPLE_HEADERS, sampleOrder } from './sample-orders.ts';
import { describeUsage, watchUsage } from './usage-window.ts';

const CONCURRENCIES = [1, 8, 32];
/** The two ways take turns, so that whatever else the machine does falls on both. */
const ROUNDS = 4;
const ROUND_MS = 1200;
const DATABASE = 'bench_writes';

/** What the outbox costs the API: orders placed per second through its own service code, with the outbox and without. */
export const writeSidePart: BenchPart = {
  name: 'write-side',
  limitMs: 90_000,
  async run(context) {
    const { servers, defer } = context;
    const databaseUrl = await servers.createDatabase(DATABASE);
    defer(() => servers.dropDatabase(DATABASE));
    const services = await createServices(context, databaseUrl);
    context.step('warming up');
    for (const service of Object.values(services)) await placeFor(service, 8, ROUND_MS);
    const usage = watchUsage({ postgres: [servers.postgresPid] });
    const rows: FigureRow[] = [];
    for (const concurrency of CONCURRENCIES) {
      context.step(`${concurrency} orders at a time`);
      rows.push(await compare(context, services, concurrency, databaseUrl));
    }
    const notes = [
      'an order is placed by the order service of the API in this process; "with" appends its event and wakes the relay as the API does',
      'no relay runs: this is the price of the transaction alone',
      describeUsage(usage()),
    ];
    return [{ title: 'Committed orders/s with and without the outbox', columns: COLUMNS, rows, notes }];
  },
};

const COLUMNS = [
  { key: 'concurrency', label: 'at a time' },
  { key: 'ordersPerSecondWith', label: 'with' },
  { key: 'ordersPerSecondWithout', label: 'without' },
  { key: 'ratio', label: 'ratio', digits: 2 },
  { key: 'walBytesWith', label: 'WAL B/order with' },
  { key: 'walBytesWithout', label: 'without' },
];

interface Services {
  readonly withOutbox: OrderService;
  readonly withoutOutbox: OrderService;
}

async function createServices({ defer, signal }: BenchContext, databaseUrl: string): Promise<Services> {
  const log = createLogger({ service: 'bench', level: 'error' });
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'bench writes',
    maxConnections: Math.max(...CONCURRENCIES),
    onConnectionError: () => {},
  });
  defer(() => pool.end());
  const wakeUps = createWakeUpNotifier({ url: databaseUrl, log });
  defer(() => wakeUps.stop());
  await wakeUps.start(signal);
  const shared = {
    database: createDatabase(pool),
    orders: createOrderStore(),
    idempotency: createIdempotencyStore(),
    clock: () => new Date(),
    log,
  };
  const outbox = createOutboxWriter(createApiMetrics(createMetricsRegistry('bench', '0')));
  return {
    withOutbox: createOrderService({ ...shared, outbox, wakeRelay: () => wakeUps.notify() }),
    withoutOutbox: createOrderService({ ...shared, outbox: { append: async () => {} }, wakeRelay: () => {} }),
  };
}

async function compare(
  { signal }: BenchContext,
  services: Services,
  concurrency: number,
  databaseUrl: string,
): Promise<FigureRow> {
  const total = { with: emptyTotal(), without: emptyTotal() };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of ['with', 'without'] as const) {
      signal.throwIfAborted();
      const service = way === 'with' ? services.withOutbox : services.withoutOutbox;
      const walBefore = await walPosition(databaseUrl);
      const { orders, seconds } = await placeFor(service, concurrency, ROUND_MS);
      total[way].orders += orders;
      total[way].seconds += seconds;
      total[way].walBytes += (await walPosition(databaseUrl)) - walBefore;
    }
  }
  const rate = {
    with: total.with.orders / total.with.seconds,
    without: total.without.orders / total.without.seconds,
  };
  return {
    concurrency,
    ordersPerSecondWith: rate.with,
    ordersPerSecondWithout: rate.without,
    ratio: rate.with / rate.without,
    walBytesWith: total.with.walBytes / total.with.orders,
    walBytesWithout: total.without.walBytes / total.without.orders,
  };
}

function emptyTotal() {
  return { orders: 0, seconds: 0, walBytes: 0 };
}

async function placeFor(
  service: OrderService,
  concurrency: number,
  durationMs: number,
): Promise<{ orders: number; seconds: number }> {
  const { customerId, currency, items } = sampleOrder(0);
  const startedMs = performance.now();
  let orders = 0;
  async function placeOneAfterAnother(): Promise<void> {
    while (performance.now() - startedMs < durationMs) {
      await service.place({ customerId, currency, items }, SAMPLE_HEADERS);
      orders += 1;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, placeOneAfterAnother));
  return { orders, seconds: (performance.now() - startedMs) / 1000 };
}
