import {
  type ConnectionOptions,
  consumeOrders,
  type OrderEvent,
  OrderStatus,
} from '@order-events/order-stream';
import { type Logger, retryUntilDone } from '@order-events/runtime';
import type { OrderApi } from './order-api.ts';

export interface FulfilOptions {
  /** host:port of the stream gateway. */
  readonly gateway: string;
  /** How it is spoken to; without TLS and token unless it says so. */
  readonly connection?: Pick<ConnectionOptions, 'tls' | 'token'>;
  readonly subscription: string;
  readonly api: OrderApi;
  readonly log: Logger;
}

/** What the warehouse does with an order, by the status it has. */
const NEXT_STATUS: Partial<Record<OrderStatus, string>> = {
  [OrderStatus.CONFIRMED]: 'processing',
  [OrderStatus.PROCESSING]: 'shipped',
};

/** Orders worked on at the same time: those of one batch. */
const MAX_BATCH_SIZE = 32;

/**
 * Takes confirmed orders through processing to shipped, until `signal` aborts (it may reject with the signal's reason then).
 *
 * Each event is answered by one step, for exactly the version of the order that the event tells of. So an event that comes again
 * does nothing: the order has a newer version by then, and the event of that one brings the next step.
 */
export async function fulfil(options: FulfilOptions, signal: AbortSignal): Promise<void> {
  const { gateway, connection, subscription, log } = options;
  const batches = consumeOrders({
    address: gateway,
    ...connection,
    subscription,
    filter: { statuses: Object.keys(NEXT_STATUS) as OrderStatus[] },
    maxBatchSize: MAX_BATCH_SIZE,
    signal,
    onInterruption: (err, retryDelayMs) => log.warn({ err, retryDelayMs }, 'the stream was interrupted'),
  });
  for await (const { events, signal: told, acknowledge } of batches) {
    if (told?.$case === 'gap')
      log.error({ missedEvents: String(told.value.missedEvents) }, 'events were missed');
    // The last event of each order; those before it are of versions that it has no longer.
    const newest = new Map(events.map((event) => [event.orderId, event]));
    await Promise.all([...newest.values()].map((event) => takeStep(event, options, signal)));
    acknowledge();
  }
}

async function takeStep(event: OrderEvent, { api, log }: FulfilOptions, signal: AbortSignal): Promise<void> {
  const status = NEXT_STATUS[event.status];
  if (status === undefined) return;
  const change = { orderId: event.orderId, version: event.orderVersion, status };
  const about = { orderId: event.orderId, version: String(event.orderVersion), status };
  const outcome = await retryUntilDone(() => api.setStatus(change, signal), {
    signal,
    minDelayMs: 100,
    maxDelayMs: 5_000,
    onFailure: (err, retryDelayMs) =>
      log.warn({ ...about, err, retryDelayMs }, 'no step taken, trying again'),
  });
  if (outcome === 'done') log.info(about, 'step taken');
  else if (outcome === 'outdated')
    log.debug(about, 'the order has changed meanwhile, left to its newer event');
  else log.error({ ...about, reason: outcome.refused }, 'step refused, left to people');
}
