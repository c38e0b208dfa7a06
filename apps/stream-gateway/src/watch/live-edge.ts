import type { OrderLogView } from '../log/order-log.ts';
import type { Cursor } from './event-batch.ts';
import type { RegisteredWatch } from './registered-watch.ts';
import type { WatchSignal } from './watch-message.ts';
import type { WatchPlace } from './watch-place.ts';

/** Keeps the state of a stream with a cursor up to date, and says what its client must be told of it. */
export interface LiveEdge {
  /** Before a batch is read. */
  notice(cursor: Cursor): WatchSignal | undefined;
  /** Also after a batch without events: it may have reached the end past what does not match, and nothing else would say so. */
  caughtUp(): WatchSignal | undefined;
}

const FELL_BEHIND_AFTER_MS = 2_000;

export function createLiveEdge(
  watch: RegisteredWatch,
  log: OrderLogView,
  place: Pick<WatchPlace, 'backlog'>,
): LiveEdge {
  function caughtUp(): WatchSignal | undefined {
    if (watch.state === 'live' || !log.source().available || place.backlog() > 0n) return undefined;
    watch.state = 'live';
    return { kind: 'caught up' };
  }

  return {
    notice(cursor) {
      if (watch.state !== 'live') {
        watch.state = 'catching up';
        return caughtUp();
      }
      if (!isBehind(log, cursor)) return undefined;
      watch.state = 'catching up';
      return { kind: 'fell behind', backlogEvents: place.backlog() };
    },
    caughtUp,
  };
}

/** Whether the next event has been waiting for some time, or is not in the ring any more. */
function isBehind(log: OrderLogView, cursor: Cursor): boolean {
  const readBeforeMs = performance.now() - FELL_BEHIND_AFTER_MS;
  return cursor.some((offset, partition) => {
    if (offset >= log.head(partition)) return false;
    const block = log.blockAt(partition, offset);
    return !block || block.readAtMs < readBeforeMs;
  });
}
