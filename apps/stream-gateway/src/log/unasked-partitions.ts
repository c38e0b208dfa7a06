import type { OrderLogView } from './order-log.ts';

/** The partitions of one reader that Kafka could not be asked about: what it knows of them has yet to be fitted to the log. */
export interface UnaskedPartitions {
  has(partition: number): boolean;
  isEmpty(): boolean;
  /** These are they now: Kafka was asked. */
  set(partitions: Iterable<number>): void;
  /** Whether it is time to ask again: one of them seems to be there. */
  isDue(): boolean;
  /** When that is, on the monotonic clock; -Infinity while none of them is there. */
  dueAtMs(): number;
}

/** A partition may seem to be there before Kafka can say where it begins. */
const ASK_AGAIN_MS = 250;

export function createUnaskedPartitions(log: Pick<OrderLogView, 'isReadable'>): UnaskedPartitions {
  let unasked: ReadonlySet<number> = new Set();
  let notBeforeMs = 0;

  const dueAtMs = () =>
    [...unasked].some((partition) => log.isReadable(partition)) ? notBeforeMs : Number.NEGATIVE_INFINITY;

  return {
    has: (partition) => unasked.has(partition),
    isEmpty: () => unasked.size === 0,
    set(partitions) {
      unasked = new Set(partitions);
      notBeforeMs = performance.now() + ASK_AGAIN_MS;
    },
    isDue() {
      const atMs = dueAtMs();
      return atMs > Number.NEGATIVE_INFINITY && performance.now() >= atMs;
    },
    dueAtMs,
  };
}
