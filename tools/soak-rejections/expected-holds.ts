import type { OperatorStep } from './rejection-step.ts';

/** An order of which a rejected event has not come again. */
export interface ExpectedHold {
  readonly event: number;
  readonly isSetAside: boolean;
  /** An operator has asked for it since it was rejected. */
  isRequeued: boolean;
}

/** Which orders must be held, by their numbers. */
export interface ExpectedHolds {
  /** A consumer rejects an event of the order: operators may see that before the consumer is told what has become of it. */
  rejecting(order: number): void;
  hold(order: number, event: number, isSetAside: boolean): void;
  requeue(step: OperatorStep): void;
  of(order: number): ExpectedHold | undefined;
  end(order: number): void;
}

export function createExpectedHolds(): ExpectedHolds {
  const holds = new Map<number, ExpectedHold>();
  /** Orders that an operator is asking for, by how many requests. */
  const requeueing = new Map<number, number>();
  /** Orders that were rejected, and not asked for since. */
  const unasked = new Set<number>();
  return {
    rejecting(order) {
      if (!requeueing.has(order)) unasked.add(order);
    },
    hold(order, event, isSetAside) {
      holds.set(order, { event, isSetAside, isRequeued: !unasked.has(order) });
    },
    requeue({ kind, order }) {
      const open = (requeueing.get(order) ?? 0) + (kind === 'requeueing' ? 1 : -1);
      if (open > 0) requeueing.set(order, open);
      else requeueing.delete(order);
      unasked.delete(order);
      const held = holds.get(order);
      if (held) held.isRequeued = true;
    },
    of: (order) => holds.get(order),
    end: (order) => void holds.delete(order),
  };
}
