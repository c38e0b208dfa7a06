import { createDatabase, createPool, createWakeUpNotifier } from '@order-events/database';
import type { Logger, Tracing } from '@order-events/runtime';
import type { ApiMetrics } from '../../apps/api/src/api-metrics.ts';
import { createIdempotencyStore } from '../../apps/api/src/orders/idempotency-store.ts';
import { createOrderService, type OrderService } from '../../apps/api/src/orders/order-service.ts';
import { createOrderStore } from '../../apps/api/src/orders/order-store.ts';
import { createOutboxWriter } from '../../apps/api/src/orders/outbox-writer.ts';

export type Way = 'with' | 'without';

type ServiceName = Way | 'traced';

/** With the outbox: as the API does it, the relay's wake-up included. Without: the same service, but nobody is told. */
export const WAYS: readonly Way[] = ['with', 'without'];

export interface OrderServices {
  /** The traced one is like the one with the outbox where there is no tracing. */
  readonly services: Readonly<Record<ServiceName, OrderService>>;
  stop(): Promise<void>;
}

/** The API's own order service, with the outbox and without, on a pool that both share. */
export async function createOrderServices(options: {
  readonly databaseUrl: string;
  readonly maxConnections: number;
  readonly metrics: ApiMetrics;
  readonly tracing?: Tracing | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Promise<OrderServices> {
  const { databaseUrl, maxConnections, metrics, tracing, log } = options;
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'bench writes',
    maxConnections,
    onConnectionError: () => {},
  });
  const wakeUps = createWakeUpNotifier({ url: databaseUrl, log });
  await wakeUps.start(options.signal);
  const shared = {
    database: createDatabase(pool, { ownSessions: true }),
    orders: createOrderStore(),
    idempotency: createIdempotencyStore(),
    metrics,
    log,
  };
  const outbox = createOutboxWriter();
  const tracedOutbox = createOutboxWriter(tracing);
  const wakeRelay = () => wakeUps.notify();
  return {
    services: {
      with: createOrderService({ ...shared, outbox, wakeRelay }),
      traced: createOrderService({ ...shared, outbox: tracedOutbox, wakeRelay }),
      without: createOrderService({ ...shared, outbox: { append: async () => {} }, wakeRelay: () => {} }),
    },
    async stop() {
      await wakeUps.stop();
      await pool.end();
    },
  };
}
