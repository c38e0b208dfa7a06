import type { SentEvent, UnacknowledgedEvents } from './unacknowledged-events.ts';

/** How far one member of a subscription is, in each of its partitions: read, acknowledged, stored. */
export interface MemberProgress<E extends SentEvent = SentEvent> {
  /**
   * These are the member's partitions now, with their committed offsets. A partition that it had before goes on where it stands, its
   * unacknowledged events included, unless the committed offset says that another member was further; every other partition begins
   * at its committed offset, and so does one of `anew`.
   */
  assign(committed: ReadonlyMap<number, bigint>, anew?: ReadonlySet<number>): void;
  /** Partitions whose places were open are the member's as well now, with these offsets; the others stay as they are. */
  extend(committed: ReadonlyMap<number, bigint>): void;
  /** Ascending. */
  partitions(): readonly number[];
  /** Next offset to read, by partition; of no meaning for partitions that are not the member's. */
  readonly cursor: bigint[];
  /** Reads a partition from elsewhere: the log does not have its offset. What was sent of it and not acknowledged is forgotten. */
  moveTo(partition: number, offset: bigint): void;
  /** See UnacknowledgedEvents. */
  sent(events: readonly E[]): number;
  find: UnacknowledgedEvents<E>['find'];
  take: UnacknowledgedEvents<E>['take'];
  newestMessage(): number;
  acknowledge(messageNumber: number): void;
  credit(): number;
  unacknowledged(): number;
  oldestSentMs(): number | undefined;
  /** Everything of the partition before it was sent and is acknowledged, was filtered out, or is held. */
  doneUpTo(partition: number): bigint;
  /** Offsets up to which everything is done, and what is held of it is stored, where they are not what is stored. */
  uncommitted(): Map<number, bigint>;
  /**
   * Whether `uncommitted` is behind what is done, because of something that is held and not stored, or behind what was sent before a
   * partition began anew: that is sent again, so an acknowledgement of the first time stands for nothing.
   */
  isHeldBack(): boolean;
  /** What is stored; undefined for partitions that are not the member's. */
  stored(partition: number): bigint | undefined;
  /** A commit of the present assignment is stored. */
  committed(offsets: ReadonlyMap<number, bigint>): void;
}

/** `unstoredOffset`: the lowest of a partition that is held and not stored. */
export function createMemberProgress<E extends SentEvent = SentEvent>(
  unacknowledged: UnacknowledgedEvents<E>,
  unstoredOffset: (partition: number) => bigint | undefined = () => undefined,
): MemberProgress<E> {
  const cursor: bigint[] = [];
  const stored = new Map<number, bigint>();
  /** What was sent of partitions that began anew lies before these offsets. */
  const owedUpTo = new Map<number, bigint>();

  const doneUpTo = (partition: number) => unacknowledged.firstOffset(partition) ?? cursor[partition] ?? 0n;
  function storable(partition: number): bigint {
    const [done, unstored] = [doneUpTo(partition), unstoredOffset(partition)];
    return unstored !== undefined && unstored < done ? unstored : done;
  }

  function moveTo(partition: number, offset: bigint): void {
    unacknowledged.drop(partition);
    while (cursor.length <= partition) cursor.push(0n);
    cursor[partition] = offset;
  }

  function beginAnew(partition: number, offset: bigint): void {
    const read = cursor[partition] ?? 0n;
    const owed = owedUpTo.get(partition) ?? 0n;
    if (stored.has(partition)) owedUpTo.set(partition, read > owed ? read : owed);
    moveTo(partition, offset);
  }

  function isOwed(partition: number): boolean {
    const owed = owedUpTo.get(partition);
    if (owed === undefined || storable(partition) < owed) return owed !== undefined;
    owedUpTo.delete(partition);
    return false;
  }

  function goesOn(partition: number, offset: bigint): boolean {
    const known = stored.get(partition);
    // A commit of this member may have been stored without its answer having arrived.
    return known !== undefined && known <= offset && offset <= doneUpTo(partition);
  }

  return {
    assign(committed, anew = new Set()) {
      for (const partition of stored.keys()) {
        if (committed.has(partition)) continue;
        unacknowledged.drop(partition);
        stored.delete(partition);
        owedUpTo.delete(partition);
      }
      for (const [partition, offset] of committed) {
        if (anew.has(partition) || !goesOn(partition, offset)) beginAnew(partition, offset);
        stored.set(partition, offset);
      }
    },
    extend(committed) {
      for (const [partition, offset] of committed) {
        if (stored.has(partition)) continue;
        moveTo(partition, offset);
        stored.set(partition, offset);
      }
    },
    partitions: () => [...stored.keys()].toSorted((a, b) => a - b),
    cursor,
    moveTo(partition, offset) {
      owedUpTo.delete(partition);
      moveTo(partition, offset);
    },
    doneUpTo,
    sent: (events) => unacknowledged.sent(events),
    find: (matches) => unacknowledged.find(matches),
    take: (partition, matches) => unacknowledged.take(partition, matches),
    newestMessage: () => unacknowledged.newestMessage(),
    acknowledge: (messageNumber) => unacknowledged.acknowledge(messageNumber),
    credit: () => unacknowledged.credit(),
    unacknowledged: () => unacknowledged.count(),
    oldestSentMs: () => unacknowledged.oldestSentMs(),
    uncommitted() {
      const done = [...stored.keys()].map((partition) => [partition, storable(partition)] as const);
      return new Map(done.filter(([partition, offset]) => offset !== stored.get(partition)));
    },
    isHeldBack: () =>
      [...stored.keys()].some(
        (partition) => storable(partition) !== doneUpTo(partition) || isOwed(partition),
      ),
    stored: (partition) => stored.get(partition),
    committed(offsets) {
      for (const [partition, offset] of offsets) {
        if (stored.has(partition)) stored.set(partition, offset);
      }
    },
  };
}
