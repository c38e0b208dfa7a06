import {
  type ConnectionOptions,
  handleOrders,
  type OrderEvent,
  OrderStatus,
  Reject,
  Retry,
  startProcessSpan,
} from '@order-events/order-stream';
import { type Logger, reasonOf, type Tracing } from '@order-events/runtime';
import type { OrderApi } from './order-api.ts';

export interface FulfilOptions {
  /** host:port of the stream gateway. */
  readonly gateway: string;
  /** How it is spoken to; without TLS and token unless it says so. */
  readonly connection?: Pick<ConnectionOptions, 'tls' | 'token'>;
  readonly subscription: string;
  readonly api: OrderApi;
  /** Asked for each order that comes in; without it every article is known. */
  readonly knownArticles?: (() => Promise<ReadonlySet<string>>) | undefined;
  /** Makes a span of each step, in the trace of the request that caused it. */
  readonly tracing?: Tracing | undefined;
  readonly log: Logger;
}

/** What the warehouse does with an order, by the status it has. */
const NEXT_STATUS: Partial<Record<OrderStatus, string>> = {
  [OrderStatus.CONFIRMED]: 'processing',
  [OrderStatus.PROCESSING]: 'shipped',
};

const ORDERS_AT_ONCE = 32;
/** What is away comes back: no order is to be set aside for that. As many attempts as there may be take eight hours. */
const REJECT_POLICY = { maxAttempts: 1_000, maxDelayMs: 30_000 };

/**
 * Takes confirmed orders through processing to shipped, until `signal` aborts.
 *
 * Each event is answered by one step, for exactly the version of the order that the event tells of. So an event that comes again
 * does nothing: the order has a newer version by then, and the event of that one brings the next step. An order that cannot be shipped as
 * it is, is set aside; one whose step fails for the time being comes again; all others go on.
 */
export async function fulfil(options: FulfilOptions, signal: AbortSignal): Promise<void> {
  const { gateway, connection, subscription, log } = options;
  await handleOrders({
    address: gateway,
    ...connection,
    subscription,
    filter: { statuses: Object.keys(NEXT_STATUS) as OrderStatus[] },
    concurrency: ORDERS_AT_ONCE,
    rejectPolicy: REJECT_POLICY,
    signal,
    handle: (event) => takeStep(event, options, signal),
    onRejected: (event, err) => {
      const about = { ...aboutOf(event), attempt: event.attempt, err };
      if (err instanceof Reject) log.error(about, 'order set aside, left to people');
      else log.warn(about, 'no step taken, the order comes again');
    },
    onGap: ({ missedEvents }) => log.error({ missedEvents: String(missedEvents) }, 'events were missed'),
    onInterruption: (reason, retryDelayMs) =>
      log.warn({ reason, retryDelayMs }, 'the stream was interrupted'),
  });
}

async function takeStep(event: OrderEvent, options: FulfilOptions, signal: AbortSignal): Promise<void> {
  const { subscription, api, tracing, log } = options;
  const status = NEXT_STATUS[event.status];
  if (status === undefined) return;
  if (event.status === OrderStatus.CONFIRMED) await checkArticles(event, options);
  const span = startProcessSpan(event, { tracing, subscription });
  const { traceparent = event.traceparent } = span ?? {};
  const change = { orderId: event.orderId, version: event.orderVersion, status, traceparent };
  try {
    const outcome = await api.setStatus(change, signal);
    const about = { ...aboutOf(event), status };
    if (outcome === 'done') log.info(about, 'step taken');
    else if (outcome === 'outdated')
      log.debug(about, 'the order has changed meanwhile, left to its newer event');
    else throw new Reject(outcome.refused);
  } catch (cause) {
    // Given up by this process, not by the API: it comes again at once.
    signal.throwIfAborted();
    throw cause instanceof Reject ? cause : new Retry(reasonOf(cause), { cause });
  } finally {
    span?.end();
  }
}

async function checkArticles({ order }: OrderEvent, { knownArticles }: FulfilOptions): Promise<void> {
  const known = await knownArticles?.().catch((cause: unknown) => {
    throw new Retry(`the list of articles cannot be read: ${reasonOf(cause)}`, { cause });
  });
  const unknown = order?.items.filter(({ sku }) => known?.has(sku) === false).map(({ sku }) => sku) ?? [];
  if (unknown.length > 0) throw new Reject(`unknown article: ${unknown.join(', ')}`);
}

function aboutOf({ orderId, orderVersion }: OrderEvent) {
  return { orderId, version: String(orderVersion) };
}
