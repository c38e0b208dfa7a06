import { setTimeout as pause } from 'node:timers/promises';
import type { FakedClock } from './faked-clock.ts';

/** What a clock does while everything else goes on; it is judged while the clock is still wrong. */
export interface ClockFault {
  readonly name: string;
  /** Seconds that the clock is ahead of others before, and after which time it is put there. */
  readonly before: number;
  readonly inject: (clock: FakedClock) => Promise<void>;
  /** Seconds that it is ahead at the end. */
  readonly after: number;
}

const HOUR = 3600;
const HELD_MS = 10_000;
const DRIFT_STEPS = 20;
const DRIFT_STEP_SECONDS = 0.3;

async function hold(clock: FakedClock, ahead: number): Promise<void> {
  await clock.set(ahead);
  await pause(HELD_MS);
}

export const CLOCK_FAULTS: readonly ClockFault[] = [
  { name: 'an hour ahead', before: 0, inject: (clock) => hold(clock, HOUR), after: HOUR },
  { name: 'steps back by an hour', before: HOUR, inject: (clock) => hold(clock, 0), after: 0 },
  { name: 'an hour behind', before: 0, inject: (clock) => hold(clock, -HOUR), after: -HOUR },
  {
    name: 'gains 0.6 s a second',
    before: 0,
    after: DRIFT_STEPS * DRIFT_STEP_SECONDS,
    async inject(clock) {
      for (let step = 1; step <= DRIFT_STEPS; step += 1) {
        await clock.set(step * DRIFT_STEP_SECONDS);
        await pause(HELD_MS / DRIFT_STEPS);
      }
    },
  },
];
