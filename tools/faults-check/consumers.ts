import { consumeOrders } from '@order-events/order-stream';
import { createObserver, type Observer } from './observer.ts';
import { HEARTBEAT_MS, nextOf, toChange } from './watchers.ts';

export interface Consumers {
  /** Of first deliveries: what is not acknowledged may come again, here or at the other one. */
  readonly observer: Observer;
  givenAgain(): number;
  haveShares(): boolean;
  stop(): Promise<void>;
}

const SUBSCRIPTION = 'billing';
const REJECTION = { maxAttempts: 20, firstDelayMs: 500, growth: 1 };

/** One consumer of a subscription at each gateway; who loses its stream goes on at the next gateway. */
export function startConsumers(
  gateways: readonly string[],
  token: (() => Promise<string>) | undefined,
  rejectOneOf = 0,
): Consumers {
  const observer = createObserver();
  const leaving = new AbortController();
  const shares = new Map<number, number>();
  let given = 0;
  let again = 0;

  async function consume(index: number): Promise<void> {
    let place = index - 1;
    const batches = consumeOrders({
      address: () => gateways[(place = nextOf(gateways, place))] ?? '',
      ...(token && { token }),
      ...(rejectOneOf > 0 && { rejectPolicy: REJECTION }),
      subscription: SUBSCRIPTION,
      heartbeatIntervalMs: HEARTBEAT_MS,
      maxRetryDelayMs: 1_000,
      signal: leaving.signal,
      onInterruption: () => shares.set(index, 0),
    });
    for await (const { events, signal, acknowledge, reject } of batches) {
      if (signal?.$case === 'assignmentChanged') shares.set(index, signal.value.partitions.length);
      const rejected = new Set<string>();
      for (const event of events) {
        if (rejected.has(event.orderId)) continue;
        given += 1;
        if (rejectOneOf > 0 && given % rejectOneOf === 0) {
          rejected.add(event.orderId);
          reject(event, { reason: 'one of many' });
        } else if (observer.has(toChange(event))) again += 1;
        else observer.deliver(toChange(event));
      }
      acknowledge();
    }
  }

  const consuming = Promise.all(gateways.map((_, index) => consume(index)));
  consuming.catch(() => undefined);
  return {
    observer,
    givenAgain: () => again,
    haveShares: () => gateways.every((_, index) => (shares.get(index) ?? 0) > 0),
    async stop() {
      leaving.abort();
      await consuming;
    },
  };
}
