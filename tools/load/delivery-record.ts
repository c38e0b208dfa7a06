export interface DeliveryVerdict {
  /** Committed events that were not delivered. */
  missing: number;
  /** Deliveries of an event that had been delivered before. */
  duplicated: number;
  /** Deliveries of a version of an order after a later version of it. */
  outOfOrder: number;
}

export interface DeliveryRecord {
  deliver(event: { orderId: string; version: number }): void;
  verdict(committed: readonly { orderId: string; version: number }[]): DeliveryVerdict;
}

/** Judges what came out against what was committed. */
export function createDeliveryRecord(): DeliveryRecord {
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  let duplicated = 0;
  let outOfOrder = 0;
  return {
    deliver({ orderId, version }) {
      const id = `${orderId}/${version}`;
      if (seen.has(id)) duplicated += 1;
      seen.add(id);
      const last = newest.get(orderId) ?? 0;
      if (version < last) outOfOrder += 1;
      newest.set(orderId, Math.max(last, version));
    },
    verdict: (committed) => ({
      missing: committed.filter(({ orderId, version }) => !seen.has(`${orderId}/${version}`)).length,
      duplicated,
      outOfOrder,
    }),
  };
}
