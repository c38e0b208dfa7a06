/** What is known of an order after a change, or in a list. */
export interface SeenOrder {
  readonly orderId: string;
  readonly orderVersion: bigint;
  /** Whether it matches the filter. */
  readonly matches: boolean;
}

export type KnownOrder = Pick<SeenOrder, 'orderId' | 'orderVersion'>;

/** What has become of an order: it is in the view now, or was changed there; it has left it. Undefined: nothing new. */
export type Outcome = 'present' | 'left' | undefined;

/**
 * Merges lists and events of orders by version: each version is told once, never an older one after a newer one, and an order leaves only
 * where it was told.
 */
export interface FollowedVersions {
  /** An event of the stream, which has those of an order in their order. */
  event(seen: SeenOrder): Outcome;
  /** A list is read from its beginning: what was told and does not come in it has to be asked about. */
  beginList(): void;
  /** An order of the list, or the answer about one that was not in it. */
  listed(seen: SeenOrder): Outcome;
  /** Those that were told and have not come in the list. */
  unlisted(): string[];
  /** There is no such order any more. Answers the version that was told of it, if it was there. */
  gone(orderId: string): bigint | undefined;
}

/** More orders than may be remembered. */
export class TooManyOrdersError extends RangeError {
  override readonly name = 'TooManyOrdersError';

  constructor(maxOrders: number) {
    super(
      `the filter has more than ${maxOrders} orders, as many as may be remembered: filter more, or raise maxOrders`,
    );
  }
}

/**
 * Remembers the version of every order that is in the view, and of those that have left it while there is room: they are of use when an
 * operator replays old events, and, of those that were found out by a list, until their events have passed. Throws a TooManyOrdersError.
 */
export function createFollowedVersions(
  maxOrders: number,
  known: { readonly orders: Iterable<KnownOrder>; readonly left?: Iterable<KnownOrder> } = { orders: [] },
): FollowedVersions {
  const present = new Map<string, bigint>();
  /** Left by an event: nothing older comes but in a replay. The oldest ones are forgotten. */
  const left = new Map<string, bigint>();
  /** Not in the view by a list, whose events may still come. */
  const awaited = new Map<string, bigint>();
  let unlisted = new Set<string>();
  for (const { orderId, orderVersion } of known.left ?? []) keep(awaited, orderId, orderVersion);
  for (const { orderId, orderVersion } of known.orders) keep(present, orderId, orderVersion);

  function keep(where: Map<string, bigint>, orderId: string, version: bigint): void {
    for (const others of [present, left, awaited]) others.delete(orderId);
    where.set(orderId, version);
    if (present.size + left.size + awaited.size <= maxOrders) return;
    const [oldest] = left.keys();
    if (oldest === undefined) throw new TooManyOrdersError(maxOrders);
    left.delete(oldest);
  }

  const versionOf = (orderId: string) => present.get(orderId) ?? awaited.get(orderId) ?? left.get(orderId);

  function take({ orderId, orderVersion, matches }: SeenOrder, leaveTo: Map<string, bigint>): Outcome {
    const known = versionOf(orderId);
    if (known !== undefined && orderVersion <= known) return undefined;
    const wasPresent = present.has(orderId);
    if (matches) keep(present, orderId, orderVersion);
    else keep(leaveTo, orderId, orderVersion);
    if (matches) return 'present';
    return wasPresent ? 'left' : undefined;
  }

  return {
    event(seen) {
      const outcome = take(seen, left);
      const { orderId, orderVersion } = seen;
      // Its event has come, so that nothing older does.
      if (awaited.get(orderId) === orderVersion) keep(left, orderId, orderVersion);
      return outcome;
    },
    beginList() {
      unlisted = new Set(present.keys());
    },
    listed(seen) {
      unlisted.delete(seen.orderId);
      return take(seen, awaited);
    },
    unlisted: () => [...unlisted],
    gone(orderId) {
      unlisted.delete(orderId);
      const version = present.get(orderId);
      if (version === undefined) return undefined;
      keep(awaited, orderId, version);
      return version;
    },
  };
}
