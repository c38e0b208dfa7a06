import type { HeldOrders } from '../held/held-orders.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { MemberProgress } from './member-progress.ts';

export interface AcknowledgeDeadlineOptions {
  readonly progress: Pick<MemberProgress, 'oldestSentMs'>;
  readonly held: Pick<HeldOrders, 'oldestOutMs'>;
  readonly acknowledgeTimeoutMs: number | undefined;
}

/** How long the oldest event of a stream may wait for its acknowledgement; times are on the monotonic clock. */
export function createAcknowledgeDeadline({
  progress,
  held,
  acknowledgeTimeoutMs,
}: AcknowledgeDeadlineOptions) {
  function oldestSentMs(): number | undefined {
    const times = [progress.oldestSentMs(), held.oldestOutMs()].filter((atMs) => atMs !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  function atMs(): number {
    const sinceMs = acknowledgeTimeoutMs === undefined ? undefined : oldestSentMs();
    return sinceMs === undefined ? Number.POSITIVE_INFINITY : sinceMs + (acknowledgeTimeoutMs ?? 0);
  }

  return {
    /** When the oldest was sent; undefined when nothing waits. */
    oldestSentMs,
    /** When the stream ends unless something is acknowledged. */
    atMs,
    /** Throws a StreamError when it is over. */
    check() {
      if (performance.now() < atMs()) return;
      const text =
        'an event was not acknowledged within acknowledge_timeout: its order goes to another stream';
      throw new StreamError('ACKNOWLEDGE_TIMEOUT', text);
    },
  };
}
