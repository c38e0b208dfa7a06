import type { CompleteBoard } from '@order-events/messaging';
import type { LogPosition } from '../position/log-position.ts';
import type { WatchSignal } from '../watch/watch-message.ts';

export type CompleteMarks = Pick<CompleteBoard, 'throughAt' | 'revision'>;

/** Most streams stand at one place, the edge: it is looked up once for all of them. */
const looked = new WeakMap<
  CompleteMarks,
  { readonly revision: number; readonly byPosition: WeakMap<LogPosition, number | undefined> }
>();

/** Up to which time everything is before a position; undefined while that is not known. */
export function completeThroughMs(marks: CompleteMarks, position: LogPosition): number | undefined {
  const revision = marks.revision();
  let cache = looked.get(marks);
  if (cache?.revision !== revision) looked.set(marks, (cache = { revision, byPosition: new WeakMap() }));
  if (!cache.byPosition.has(position)) {
    cache.byPosition.set(position, marks.throughAt(position.topicId, position.next));
  }
  return cache.byPosition.get(position);
}

/** Up to which time everything was told on one stream. It never goes back. */
export interface StreamCompleteness {
  /** Whether it has moved since the stream was told, a heartbeat's time ago or longer: events may come without a pause for a heartbeat. */
  isDue(heartbeatMs: number): boolean;
  /** The signal with the time, where it has one. */
  told(signal: WatchSignal): WatchSignal;
}

/** Everything that is before `position` has been sent when it is asked. */
export function createStreamCompleteness(
  marks: CompleteMarks,
  position: () => LogPosition | undefined,
): StreamCompleteness {
  let throughMs: number | undefined;
  let told: { readonly atMs: number; readonly throughMs: number | undefined } = {
    atMs: performance.now(),
    throughMs,
  };

  function look(): number | undefined {
    const at = position();
    const reached = at && completeThroughMs(marks, at);
    if (reached !== undefined && (throughMs === undefined || reached > throughMs)) throughMs = reached;
    return throughMs;
  }

  return {
    isDue(heartbeatMs) {
      return performance.now() - told.atMs >= heartbeatMs && look() !== told.throughMs;
    },
    told(signal) {
      if (signal.kind !== 'heartbeat' && signal.kind !== 'caught up') return signal;
      const reached = look();
      told = { atMs: performance.now(), throughMs: reached };
      return reached === undefined ? signal : { ...signal, completeThroughMs: reached };
    },
  };
}
