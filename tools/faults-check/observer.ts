import { createDeliveryRecord, type DeliveryRecord } from '../load/delivery-record.ts';

interface Change {
  readonly orderId: string;
  readonly version: number;
}

/** Somebody to whom events come. */
export interface Observer extends DeliveryRecord {
  has(change: Change): boolean;
  /** When it came first, by `performance.now()`; Infinity of what has not come. */
  cameAtMs(change: Change): number;
  /** The silence is measured from here on. */
  beginRound(): void;
  /** Longest time in which nothing came, the one that lasts included. */
  longestSilenceMs(): number;
}

export function createObserver(): Observer {
  const record = createDeliveryRecord();
  const cameAtMs = new Map<string, number>();
  const nameOf = ({ orderId, version }: Change) => `${orderId}/${version}`;
  let lastMs = performance.now();
  let longestMs = 0;
  const silence = () => Math.max(longestMs, performance.now() - lastMs);
  return {
    deliver(event) {
      longestMs = silence();
      lastMs = performance.now();
      if (!cameAtMs.has(nameOf(event))) cameAtMs.set(nameOf(event), lastMs);
      record.deliver(event);
    },
    verdict: (committed) => record.verdict(committed),
    has: (change) => cameAtMs.has(nameOf(change)),
    cameAtMs: (change) => cameAtMs.get(nameOf(change)) ?? Infinity,
    beginRound() {
      lastMs = performance.now();
      longestMs = 0;
    },
    longestSilenceMs: silence,
  };
}
