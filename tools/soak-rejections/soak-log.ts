/** The events of a soak by number, in the order in which they were appended; each names its order and the event before it. */
export interface SoakLog {
  /** Number of the order of each event. */
  readonly orderOf: readonly number[];
  /** Number of the event before it in its order; -1 for the first one. */
  readonly before: readonly number[];
}

export interface GrowingSoakLog extends SoakLog {
  /** Answers the number of the new event. */
  append(order: number): number;
}

export function createSoakLog(): GrowingSoakLog {
  const orderOf: number[] = [];
  const before: number[] = [];
  const last = new Map<number, number>();
  return {
    orderOf,
    before,
    append(order) {
      const event = orderOf.push(order) - 1;
      before.push(last.get(order) ?? -1);
      last.set(order, event);
      return event;
    },
  };
}
