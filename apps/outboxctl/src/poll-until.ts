import { isDatabaseAway } from '@order-events/database';
import { sleep } from '@order-events/runtime';
import { CommandError } from './outcome.ts';
import type { Terminal } from './terminal.ts';

const INTERVAL_MS = 100;

/**
 * Looks at the tables until `isDone` says so, with the state of things as progress. Survives a database that is away for a while.
 * When the time is over or the person interrupts, it says what is left as it is and throws.
 */
export async function pollUntil<State>(options: {
  readonly look: () => Promise<State>;
  readonly isDone: (state: State) => boolean;
  readonly describe: (state: State) => string;
  /** What goes on, or stays, without this command; ends the message of a wait that was given up. */
  readonly leftBehind: string;
  readonly timeoutMs: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}): Promise<State> {
  const { terminal, signal } = options;
  const endMs = performance.now() + options.timeoutMs;
  let progress = 'looking at the tables';
  while (!signal.aborted) {
    try {
      const state = await options.look();
      if (options.isDone(state)) return state;
      progress = options.describe(state);
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      progress = 'the database does not answer, trying again';
    }
    if (performance.now() >= endMs) {
      throw new CommandError(`gave up waiting: ${progress}\n${options.leftBehind}`);
    }
    terminal.progress(progress);
    await sleep(INTERVAL_MS, signal);
  }
  terminal.say(options.leftBehind);
  throw signal.reason;
}
