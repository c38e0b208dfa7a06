import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface VirtualTime {
  /** Lets so many milliseconds pass: timers run, and what they set going. */
  pass(ms: number, tickMs?: number): Promise<void>;
}

const TICK_MS = 10;
/** What one timer sets going goes on in turns of the event loop. */
const TURNS_OF_TICK = 4;

/** Timers and both clocks run only when the test lets them, and jitter is always the same: a history runs in the same way each time. */
export function virtualTime(t: TestContext): VirtualTime {
  let nowMs = 1_000_000;
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: nowMs });
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.method(Math, 'random', () => 0.5);
  return {
    async pass(ms, tickMs = TICK_MS) {
      for (let left = ms; left > 0; left -= tickMs) {
        nowMs += tickMs;
        t.mock.timers.tick(tickMs);
        for (let turn = 0; turn < TURNS_OF_TICK; turn += 1) await nextTurn();
      }
    },
  };
}
