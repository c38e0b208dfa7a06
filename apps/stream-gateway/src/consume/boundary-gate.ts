import { createBackoff } from '@order-events/runtime';
import { type CommittedOffset, readableUpTo, type TopicLayout, withoutPassed } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import type { Boundaries } from '../log/event-batch.ts';
import { lowestHeld } from '../subscription/open-place.ts';
import type { MemberProgress } from './member-progress.ts';

export interface BoundaryGateOptions {
  readonly log: Pick<OrderLogView, 'layout'>;
  /** What the whole subscription has acknowledged. */
  readonly fetchCommitted: () => Promise<ReadonlyMap<number, CommittedOffset>>;
  /** More may be known now. */
  readonly onChange: () => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Holds a member back where the number of partitions changed: what its keys had in other partitions may be another member's, and comes
 * first only when it is acknowledged there. Kafka is asked while the member waits, and not before or after.
 */
export interface BoundaryGate {
  /** For readBatch; undefined when nothing holds the member back. */
  boundaries(): Boundaries | undefined;
  /** When to look again, on the monotonic clock; in the past when nothing waits. */
  lookAtMs(): number;
}

export function createBoundaryGate({
  log,
  fetchCommitted,
  onChange,
  onFailure,
}: BoundaryGateOptions): BoundaryGate {
  const backoff = createBackoff({ baseMs: 100, maxMs: 2_000 });
  const committed = new Map<number, bigint>();
  const reached = (partition: number) => committed.get(partition) ?? 0n;
  let isLooking = false;
  let notBeforeMs = 0;

  async function look(): Promise<void> {
    isLooking = true;
    try {
      for (const [partition, place] of await fetchCommitted()) {
        const offset = handledUpTo(place);
        if (offset !== committed.get(partition)) backoff.reset();
        committed.set(partition, offset);
      }
    } catch (error: unknown) {
      onFailure(error);
    }
    isLooking = false;
    notBeforeMs = performance.now() + backoff.nextDelayMs();
    onChange();
  }

  return {
    boundaries() {
      const ahead = withoutPassed(log.layout(), reached);
      if (ahead.length === 0) return undefined;
      return (partition, cursor) => {
        const boundary = readableUpTo(ahead, partition, reached);
        const isHeld = boundary !== undefined && (cursor[partition] ?? 0n) >= boundary;
        if (isHeld && !isLooking && performance.now() >= notBeforeMs) void look();
        return boundary;
      };
    },
    lookAtMs: () => notBeforeMs,
  };
}

/** What is held lies before the position, and comes first as well. */
function handledUpTo(place: CommittedOffset): bigint {
  const lowest = lowestHeld(place);
  return lowest !== undefined && lowest < place.offset ? lowest : place.offset;
}

/** Whether a member has passed a boundary and not stored it: others may wait for that. */
export function isAwaited(
  layout: TopicLayout,
  progress: Pick<MemberProgress, 'stored' | 'uncommitted'>,
): boolean {
  if (layout.length === 0) return false;
  const done = [...progress.uncommitted()];
  return layout.some(({ ends }) =>
    done.some(([partition, offset]) => {
      const boundary = ends[partition] ?? 0n;
      return (progress.stored(partition) ?? 0n) < boundary && boundary <= offset;
    }),
  );
}
