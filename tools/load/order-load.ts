import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '@order-events/runtime';

/** A change that the API has confirmed with a 2xx answer. */
export interface AcceptedChange {
  readonly orderId: string;
  readonly version: number;
  readonly status: string;
}

export interface OrderLoad {
  readonly accepted: readonly AcceptedChange[];
  /** Requests that failed; whether the change was made is not known. */
  readonly failures: readonly string[];
  /** Finishes the orders under way (each is moved to its last status) and resolves when no request is open. */
  stop(): Promise<void>;
}

export interface OrderLoadOptions {
  readonly apiUrl: string;
  /** Orders under way at the same time. */
  readonly workers: number;
  /** Confirmed changes per second over all workers, at most. */
  readonly changesPerSecond: number;
  readonly onAccepted?: (change: AcceptedChange) => void;
  /** Sent with each request. */
  readonly token?: (() => Promise<string>) | undefined;
}

interface OrderAnswer {
  order_id: string;
  version: number;
  status: string;
}

const PATHS: readonly (readonly string[])[] = [
  ['confirmed', 'processing', 'shipped', 'delivered'],
  ['confirmed', 'cancelled'],
  ['confirmed', 'processing', 'cancelled'],
];

/** Places orders through REST and moves them through their statuses until stopped. A failed request ends that order's journey. */
export function startOrderLoad(options: OrderLoadOptions): OrderLoad {
  const accepted: AcceptedChange[] = [];
  const failures: string[] = [];
  const stopping = new AbortController();
  const paceMs = (1000 * options.workers) / options.changesPerSecond;

  async function send(method: string, path: string, body: object): Promise<OrderAnswer> {
    const startedMs = performance.now();
    const response = await fetch(`${options.apiUrl}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(options.token && { authorization: `Bearer ${await options.token()}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    // The API's contract; what it says otherwise shows in the counts.
    const order = (await response.json()) as OrderAnswer;
    const change = { orderId: order.order_id, version: order.version, status: order.status };
    accepted.push(change);
    options.onAccepted?.(change);
    const restMs = paceMs - (performance.now() - startedMs);
    if (restMs > 0) await pause(restMs);
    return order;
  }

  async function oneOrder(): Promise<void> {
    const placed = await send('POST', '/orders', newOrder());
    for (const status of PATHS[randomInt(PATHS.length)] ?? []) {
      await send('PUT', `/orders/${placed.order_id}/status`, { status });
    }
  }

  async function work(): Promise<void> {
    // Workers that start together would send together for ever.
    await pause(randomInt(Math.ceil(paceMs) + 1));
    while (!stopping.signal.aborted) {
      try {
        await oneOrder();
      } catch (error) {
        failures.push(describeFailure(error));
        await pause(100);
      }
    }
  }

  const done = Promise.all(Array.from({ length: options.workers }, work));
  return {
    accepted,
    failures,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** Of a request that met no server, fetch tells why in its cause alone. */
function describeFailure(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? String(error) : `${String(error)}: ${reasonOf(cause)}`;
}

function newOrder(): object {
  return {
    customer_id: `customer-${randomInt(100)}`,
    currency: 'EUR',
    items: [
      {
        sku: `sku-${randomUUID().slice(0, 8)}`,
        quantity: 1 + randomInt(5),
        unit_price_minor: randomInt(10_000),
      },
    ],
  };
}
