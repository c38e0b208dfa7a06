import type { SentEvent, UnacknowledgedEvents } from './unacknowledged-events.ts';

/** How far one member of a subscription is, in each of its partitions: read, acknowledged, stored. */
export interface MemberProgress {
  /**
   * These are the member's partitions now, with their committed offsets. A partition that it had before goes on where it stands, its
   * unacknowledged events included, unless the committed offset says that another member was further; every other partition begins
   * at its committed offset.
   */
  assign(committed: ReadonlyMap<number, bigint>): void;
  /** Partitions whose places were open are the member's as well now, with these offsets; the others stay as they are. */
  extend(committed: ReadonlyMap<number, bigint>): void;
  /** Ascending. */
  partitions(): readonly number[];
  /** Next offset to read, by partition; of no meaning for partitions that are not the member's. */
  readonly cursor: bigint[];
  /** Reads a partition from elsewhere: the log does not have its offset. What was sent of it and not acknowledged is forgotten. */
  moveTo(partition: number, offset: bigint): void;
  /** See UnacknowledgedEvents. */
  sent(events: readonly SentEvent[]): number;
  newestMessage(): number;
  acknowledge(messageNumber: number): void;
  credit(): number;
  unacknowledged(): number;
  oldestSentMs(): number | undefined;
  /** Offsets up to which everything is acknowledged or was filtered out, where they are not what is stored. */
  uncommitted(): Map<number, bigint>;
  /** What is stored; undefined for partitions that are not the member's. */
  stored(partition: number): bigint | undefined;
  /** A commit of the present assignment is stored. */
  committed(offsets: ReadonlyMap<number, bigint>): void;
}

export function createMemberProgress(unacknowledged: UnacknowledgedEvents): MemberProgress {
  const cursor: bigint[] = [];
  const stored = new Map<number, bigint>();

  const doneUpTo = (partition: number) => unacknowledged.firstOffset(partition) ?? cursor[partition] ?? 0n;

  function moveTo(partition: number, offset: bigint): void {
    unacknowledged.drop(partition);
    while (cursor.length <= partition) cursor.push(0n);
    cursor[partition] = offset;
  }

  function goesOn(partition: number, offset: bigint): boolean {
    const known = stored.get(partition);
    // A commit of this member may have been stored without its answer having arrived.
    return known !== undefined && known <= offset && offset <= doneUpTo(partition);
  }

  return {
    assign(committed) {
      for (const partition of stored.keys()) {
        if (committed.has(partition)) continue;
        unacknowledged.drop(partition);
        stored.delete(partition);
      }
      for (const [partition, offset] of committed) {
        if (!goesOn(partition, offset)) moveTo(partition, offset);
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
    moveTo,
    sent: (events) => unacknowledged.sent(events),
    newestMessage: () => unacknowledged.newestMessage(),
    acknowledge: (messageNumber) => unacknowledged.acknowledge(messageNumber),
    credit: () => unacknowledged.credit(),
    unacknowledged: () => unacknowledged.count(),
    oldestSentMs: () => unacknowledged.oldestSentMs(),
    uncommitted() {
      const done = [...stored.keys()].map((partition) => [partition, doneUpTo(partition)] as const);
      return new Map(done.filter(([partition, offset]) => offset !== stored.get(partition)));
    },
    stored: (partition) => stored.get(partition),
    committed(offsets) {
      for (const [partition, offset] of offsets) {
        if (stored.has(partition)) stored.set(partition, offset);
      }
    },
  };
}
