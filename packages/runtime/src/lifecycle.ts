import type { Logger } from './logger.ts';

/**
 * A long-lived part of a process, which runs once. `start` resolves when the part is working or is trying by itself to get there (a
 * part never fails its process because another server is away); it aborts when `signal` does. `stop` resolves when nothing of the part
 * is left; it may be called twice, before `start` (which then does nothing), during it, and after one that failed. `running-part.ts`
 * has a base for each kind, and `test/lifecycle` holds every part of every app to this.
 */
export interface Part {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export interface RunningParts {
  /** Stops the parts in reverse order; a part that fails to stop is logged and does not keep the others from stopping. */
  stop(): Promise<void>;
}

/** Starts parts one after another. When one fails, those already started are stopped in reverse order and the error is thrown. */
export async function startParts(
  parts: readonly Part[],
  log: Logger,
  signal: AbortSignal,
): Promise<RunningParts> {
  const started: Part[] = [];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    for (const part of started.toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        log.warn({ reason: error, part: part.name }, 'part did not stop cleanly');
      }
    }
  };
  const stop = () => (stopping ??= stopAll());
  for (const part of parts) {
    try {
      signal.throwIfAborted();
      started.push(part);
      await part.start(signal);
    } catch (error) {
      await stop();
      throw error;
    }
  }
  return { stop };
}
