import type { EdgeListener, LogEdge } from '../log/log-edge.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { createWaking } from '../log/waking.ts';
import { createAlarmClock } from './alarm-clock.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { type LogPosition, positionAt } from '../position/log-position.ts';
import { createStreamIndex, type FilterEntry, type StreamIndex } from './stream-index.ts';

/**
 * Where streams rest that have read everything. They hold no position: they stand where the log ends, however it grows, until an
 * event comes that they want. So an event costs what those cost that want it, whoever else is connected.
 */
export interface EdgeSeats {
  /** For one stream; `signal` is that of its call. */
  open(filter: EventFilter, signal: AbortSignal): EdgeSeat;
}

export interface EdgeSeat {
  /** The position of the stream while it rests, and from then on until it rests again. */
  position(): LogPosition;
  /**
   * To be called by a stream that stands at the edge. Waits for an event that it wants, for anything else that concerns all, for `ms`,
   * or until its call ends. Never rejects.
   */
  rest(ms: number): Promise<void>;
  /** How many events have come while it rested that it did not want, since this was last asked. */
  takePassed(): number;
  /** The stream has ended. */
  close(): void;
}

/** So many events that a stream did not want are worth a new token. */
export const MAX_PASSED_SILENTLY = 20_000;

/** A stream in the index. */
export interface Seat {
  readonly entry: FilterEntry<Seat>;
  /** The stream stands here from now on, and is woken soon. */
  rise(at: LogPosition): void;
  wake(): void;
  /** How many events the log had got when the stream began to rest. */
  restingSince: number;
  /** When it is to be woken at the latest, on the monotonic clock. */
  untilMs: number;
}

export function createEdgeSeats(
  log: Pick<OrderLogView, 'edge' | 'followEdge'>,
  index: StreamIndex<Seat> = createStreamIndex<Seat>(),
): EdgeSeats {
  /** In the order in which they began to rest. */
  const resting = new Set<Seat>();
  const called = new Set<Seat>();
  const wakeCalled = createWaking(called, (seat) => seat.wake());
  const alarms = createAlarmClock<Seat>((due) => {
    const nowMs = performance.now();
    for (const seat of due) {
      if (seat.untilMs > nowMs) alarms.set(seat, seat.untilMs);
      else called.add(seat);
    }
    wakeCalled();
  });
  let grownBy = 0;

  function edgePosition(): LogPosition {
    const edge = log.edge();
    if (!edge) throw new Error('nobody rests where no log is');
    return positionAt(edge);
  }

  function call(seats: Iterable<Seat>, before: LogEdge): void {
    for (const seat of seats) {
      seat.rise(positionAt(before));
      called.add(seat);
    }
  }

  const listener: EdgeListener = {
    grown(events, before) {
      for (const event of events) {
        for (const { waiting } of index.concerned(event)) call(waiting, before);
      }
      for (const seat of resting) {
        if (grownBy + events.length - seat.restingSince < MAX_PASSED_SILENTLY) break;
        call([seat], before);
      }
      grownBy += events.length;
      wakeCalled();
    },
    disturbed(before) {
      call(resting, before);
      wakeCalled();
    },
  };
  log.followEdge(listener);

  return {
    open(filter, signal) {
      const entry = index.enter(filter);
      let awake: (() => void) | undefined;
      let risen: LogPosition | undefined;
      let passed = 0;
      const seat: Seat = {
        entry,
        restingSince: 0,
        untilMs: 0,
        rise(at) {
          if (!resting.delete(seat)) return;
          entry.waiting.delete(seat);
          passed += grownBy - seat.restingSince;
          risen = at;
        },
        wake() {
          called.delete(seat);
          if (resting.has(seat)) seat.rise(edgePosition());
          awake?.();
          awake = undefined;
        },
      };
      signal.addEventListener('abort', seat.wake, { once: true });
      return {
        position: () => risen ?? edgePosition(),
        rest(ms) {
          if (signal.aborted) return Promise.resolve();
          seat.restingSince = grownBy;
          seat.untilMs = performance.now() + ms;
          alarms.set(seat, seat.untilMs);
          resting.add(seat);
          entry.waiting.add(seat);
          risen = undefined;
          return new Promise((resolve) => {
            awake = resolve;
          });
        },
        takePassed() {
          const taken = passed;
          passed = 0;
          return taken;
        },
        close() {
          signal.removeEventListener('abort', seat.wake);
          called.delete(seat);
          resting.delete(seat);
          entry.waiting.delete(seat);
          index.leave(entry);
          alarms.forget(seat);
        },
      };
    },
  };
}
