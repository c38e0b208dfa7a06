import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '@order-events/runtime';
import type { Release, Replica } from './replicas.ts';

/** A change that the API has confirmed. */
export interface AcceptedWrite {
  readonly orderId: string;
  readonly version: number;
  readonly atMs: number;
  /** Of the process that answered. */
  readonly pid: number;
}

export interface OrderWrites {
  readonly accepted: readonly AcceptedWrite[];
  /** Answers that nobody should get because a release is replaced. */
  readonly faults: readonly string[];
  /** Requests that were sent again with their key and got the same answer, by who answered first and then: `old → new`. */
  readonly repeated: ReadonlyMap<string, number>;
  /** Requests that the new API had answered and the old one refused, as docs/upgrading.md says of the release that is old now. */
  refused(): number;
  /** Resolves when no request is open. */
  stop(): Promise<void>;
}

export interface OrderWritesOptions {
  readonly apis: () => readonly Replica[];
  readonly workers: number;
  /** Of each worker, between two changes. */
  readonly paceMs: number;
}

interface Answer {
  readonly order: { readonly order_id: string; readonly version: number };
  readonly by: Replica;
}

/** What a client behind a balancer tries again: nobody answered, or the one who did is about to go. */
class AskAgain extends Error {}

/** The old release does not know a request that the new one has answered: who asks the new one again is answered. */
class KeyOfNewRelease extends AskAgain {}

const REQUEST_DEADLINE_MS = 20_000;
const GIVE_UP_MS = 120_000;
const RETRY_PAUSE_MS = 100;
/** One of so many answered requests is sent again to the other process, as by a client that never got the answer. */
const REPEAT_ONE_OF = 4;
const PATHS: readonly (readonly string[])[] = [
  ['confirmed', 'processing', 'shipped', 'delivered'],
  ['confirmed', 'cancelled'],
];

/** Places orders and moves them on, each request with an Idempotency-Key and by turns at each process, until it is answered. */
export function startOrderWrites({ apis, workers, paceMs }: OrderWritesOptions): OrderWrites {
  const accepted: AcceptedWrite[] = [];
  const faults: string[] = [];
  const repeated = new Map<string, number>();
  let refused = 0;
  let turn = 0;
  let isOver = false;

  async function send(method: string, path: string, body: object): Promise<string> {
    const key = randomUUID();
    const untilMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      turn += 1;
      const api = apis()[turn % 2];
      if (!api) throw new Error('there are two processes of the API');
      try {
        const { order } = await ask(api, { method, path, body, key });
        accepted.push({
          orderId: order.order_id,
          version: order.version,
          atMs: performance.now(),
          pid: api.pid,
        });
        const other = apis().find(({ address }) => address !== api.address);
        if (other && randomInt(REPEAT_ONE_OF) === 0) {
          await repeat(other, { method, path, body, key }, { order, by: api });
        }
        return order.order_id;
      } catch (error) {
        if (!(error instanceof AskAgain) || performance.now() > untilMs) throw error;
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  async function repeat(by: Replica, request: Request, first: Answer): Promise<void> {
    try {
      const { order } = await ask(by, request);
      const isSame = order.order_id === first.order.order_id && order.version === first.order.version;
      if (!isSame) faults.push(`the same key was answered with ${order.order_id} version ${order.version}`);
      const way = wayOf(first.by.release, by.release);
      repeated.set(way, (repeated.get(way) ?? 0) + 1);
    } catch (error) {
      if (error instanceof KeyOfNewRelease && first.by.release === 'new') refused += 1;
      else if (error instanceof KeyOfNewRelease) faults.push(`${first.by.release}, then ${error.message}`);
      else if (!(error instanceof AskAgain)) throw error;
    }
  }

  async function work(): Promise<void> {
    while (!isOver) {
      try {
        const id = await send('POST', '/orders', newOrder());
        for (const status of PATHS[randomInt(PATHS.length)] ?? []) {
          await pause(paceMs);
          await send('PUT', `/orders/${id}/status`, { status });
        }
      } catch (error) {
        faults.push(reasonOf(error));
      }
      await pause(paceMs);
    }
  }

  const done = Promise.all(Array.from({ length: workers }, work));
  return {
    accepted,
    faults,
    repeated,
    refused: () => refused,
    async stop() {
      isOver = true;
      await done;
    },
  };
}

export const wayOf = (from: Release, to: Release): string => `${from} → ${to}`;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: object;
  readonly key: string;
}

async function ask(by: Replica, { method, path, body, key }: Request): Promise<Answer> {
  const response = await fetch(`http://${by.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
  }).catch((cause: unknown) => {
    throw new AskAgain(`${by.address} did not answer`, { cause });
  });
  const text = await response.text().catch((cause: unknown) => {
    throw new AskAgain(`${by.address} did not end its answer`, { cause });
  });
  if (response.ok) return { order: JSON.parse(text), by };
  if (by.release === 'old' && text.includes('idempotency_key_reused'))
    throw new KeyOfNewRelease(`old API: ${text}`);
  const isForNow =
    response.status >= 500 || response.status === 429 || text.includes('idempotency_key_in_use');
  const said = `${by.release} API, ${method} ${path}: ${response.status} ${text}`;
  throw isForNow ? new AskAgain(said) : new Error(said);
}

function newOrder(): object {
  const item = {
    sku: `sku-${randomInt(100)}`,
    quantity: 1 + randomInt(5),
    unit_price_minor: randomInt(10_000),
  };
  return { customer_id: `customer-${randomInt(20)}`, currency: 'EUR', items: [item] };
}
