import type { HeldRecord, HeldState, HoldableEvent } from './held-order.ts';

/** An event that is held, and what is under way with it. */
export interface HeldEvent<E> {
  readonly event: E;
  state: HeldState;
  /** Something of it is stored, so the position may pass it. */
  isStored: boolean;
  /** Writes of it that are not stored. */
  writes: number;
  outMessage: number | undefined;
  /** By a client that this owner has sent it to. */
  isRejected: boolean;
  /** It is handled or given up; gone as soon as that is stored. */
  isDone: boolean;
}

/** The held events of one partition, by order and in the order of their offsets. */
export interface HeldSet<E extends HoldableEvent> {
  add(event: E, state: HeldState, isStored: boolean): HeldEvent<E>;
  /** One write of it is stored. */
  stored(held: HeldEvent<E>): void;
  remove(held: HeldEvent<E>): void;
  find(eventId: string): HeldEvent<E> | undefined;
  /** Whether the event is not held any more, or was rejected since it is known what is stored. */
  isAnswered(eventId: string): boolean;
  /** Empty for an order that is not held. */
  order(orderId: string): readonly HeldEvent<E>[];
  /** The first event of each order. */
  heads(): readonly HeldEvent<E>[];
  lowestOffset(): bigint | undefined;
  /** The lowest offset of what is not stored. */
  unstoredOffset(): bigint | undefined;
  /** -1 when there is none. */
  highestOffset(): bigint;
  records(): readonly HeldRecord<E>[];
  size(): { readonly events: number; readonly bytes: number };
}

export function createHeldSet<E extends HoldableEvent>(): HeldSet<E> {
  /** None is empty. */
  const orders = new Map<string, HeldEvent<E>[]>();
  const byEventId = new Map<string, HeldEvent<E>>();
  const unstored = new Set<HeldEvent<E>>();
  let bytes = 0;

  const heads = () => [...orders.values()].flatMap(([head]) => head ?? []);

  return {
    add(event, state, isStored) {
      const held: HeldEvent<E> = {
        ...{ event, state, isStored },
        writes: 0,
        outMessage: undefined,
        isRejected: false,
        isDone: false,
      };
      const order = orders.get(event.orderId) ?? [];
      orders.set(event.orderId, order);
      const behind = order.findIndex((other) => other.event.offset > event.offset);
      order.splice(behind === -1 ? order.length : behind, 0, held);
      byEventId.set(event.eventId, held);
      if (!isStored) unstored.add(held);
      bytes += event.encoded.length;
      return held;
    },
    stored(held) {
      held.writes -= 1;
      held.isStored = true;
      unstored.delete(held);
    },
    remove(held) {
      const { orderId, eventId, encoded } = held.event;
      const rest = (orders.get(orderId) ?? []).filter((other) => other !== held);
      if (rest.length > 0) orders.set(orderId, rest);
      else orders.delete(orderId);
      byEventId.delete(eventId);
      unstored.delete(held);
      bytes -= encoded.length;
    },
    find: (eventId) => byEventId.get(eventId),
    isAnswered: (eventId) => byEventId.get(eventId)?.isRejected ?? true,
    order: (orderId) => orders.get(orderId) ?? [],
    heads,
    lowestOffset: () => lowest(heads()),
    unstoredOffset: () => lowest(unstored),
    highestOffset: () =>
      [...orders.values()].reduce((highest, order) => {
        const offset = order.at(-1)?.event.offset ?? -1n;
        return offset > highest ? offset : highest;
      }, -1n),
    records: () => [...orders.values()].flat().map(({ event, state }) => ({ event, state })),
    size: () => ({ events: byEventId.size, bytes }),
  };
}

function lowest<E extends HoldableEvent>(events: Iterable<HeldEvent<E>>): bigint | undefined {
  let found: bigint | undefined;
  for (const { event } of events) if (found === undefined || event.offset < found) found = event.offset;
  return found;
}
