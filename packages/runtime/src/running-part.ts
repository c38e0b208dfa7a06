import type { Part } from './lifecycle.ts';

/**
 * A part that is one function, which runs until its signal aborts. A failure before that is awaited by nobody, and so ends the
 * process; rejecting with the signal's reason is a clean end.
 */
export function createRunningPart(name: string, run: (signal: AbortSignal) => Promise<void>): Part {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  return {
    name,
    async start() {
      running = run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      try {
        await running;
      } catch (error) {
        if (error !== stopping.signal.reason) throw error;
      }
    },
  };
}
