import type { Part } from './lifecycle.ts';

/**
 * A part that is one function, which runs until its signal aborts; after that, `finish` cleans up. A failure before that is awaited by
 * nobody, and so ends the process; rejecting with the signal's reason is a clean end. The signal aborts with `stop`, not with the
 * signal that `start` is given: parts that were started later may still need this one.
 */
export function createRunningPart(
  name: string,
  run: (signal: AbortSignal) => Promise<void>,
  finish: () => Promise<void> = async () => {},
): Part {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  async function end(): Promise<void> {
    stopping.abort();
    try {
      await running;
    } catch (error) {
      if (error !== stopping.signal.reason) throw error;
    } finally {
      await finish();
    }
  }

  return {
    name,
    async start() {
      if (!stopping.signal.aborted) running ??= run(stopping.signal);
    },
    stop: () => (stopped ??= end()),
  };
}

/**
 * A part that opens something, for example a port, and answers how to close it. `stop` waits for an opening that is under way; one that
 * failed leaves nothing to close.
 */
export function createOpeningPart(
  name: string,
  open: (signal: AbortSignal) => Promise<() => Promise<void>>,
): Part {
  let opening: Promise<() => Promise<void>> | undefined;
  let stopped: Promise<void> | undefined;

  async function close(): Promise<void> {
    const closeOpened = await opening?.catch(() => undefined);
    await closeOpened?.();
  }

  return {
    name,
    async start(signal) {
      if (!stopped) await (opening ??= open(signal));
    },
    stop: () => (stopped ??= close()),
  };
}

/** A part that needs no start, for example because it connects with its first use, and is closed once. */
export function createClosingPart(name: string, close: () => void | Promise<void>): Part {
  let stopped: Promise<void> | undefined;
  return {
    name,
    async start() {},
    stop: () => (stopped ??= (async () => close())()),
  };
}
