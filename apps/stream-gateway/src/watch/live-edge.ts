import type { OrderLogView } from '../log/order-log.ts';
import type { LogPosition } from '../position/log-position.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import type { SharedBatches } from './shared-batches.ts';
import type { EdgeAtStart } from './edge-at-start.ts';
import type { WatchSignal } from './watch-message.ts';
import type { WatchPlace } from './watch-place.ts';

/**
 * Keeps the state of a stream with a position up to date, and says what its client must be told of it. With an end, it has caught up when
 * it is there, whatever the log has got since.
 */
export interface LiveEdge {
  /** Before a batch is read. */
  notice(position: LogPosition): WatchSignal | undefined;
  /** Also after a batch without events: it may have reached the end past what does not match, and nothing else would say so. */
  caughtUp(): WatchSignal | undefined;
}

const FELL_BEHIND_AFTER_MS = 2_000;

export function createLiveEdge(
  watch: RegisteredWatch,
  log: Pick<OrderLogView, 'source'>,
  batches: Pick<SharedBatches, 'oldestUnreadAtMs'>,
  place: Pick<WatchPlace, 'backlog' | 'isComplete' | 'position'>,
  end?: EdgeAtStart,
): LiveEdge {
  function caughtUp(): WatchSignal | undefined {
    if (watch.state === 'live' || !log.source().available) return undefined;
    // Of a partition that Kafka cannot be asked about, nobody knows how much there is to catch up.
    if (!place.isComplete()) return undefined;
    const position = place.position();
    if (end ? !position || !end.isReachedAt(position) : place.backlog() > 0n) return undefined;
    watch.state = 'live';
    return { kind: 'caught up' };
  }

  return {
    notice(position) {
      if (watch.state !== 'live') {
        watch.state = 'catching up';
        return caughtUp();
      }
      // The next event has not been waiting for long, and is in memory.
      if (batches.oldestUnreadAtMs(position) >= performance.now() - FELL_BEHIND_AFTER_MS) return undefined;
      watch.state = 'catching up';
      return { kind: 'fell behind', backlogEvents: place.backlog() };
    },
    caughtUp,
  };
}
