/** Watches for signs of life. */
export interface SilenceWatch {
  /** There was one: the silence begins anew. */
  heard(): void;
  stop(): void;
}

export interface SilenceOptions {
  /** How long a silence may last on the machine of reference. */
  readonly limitMs: number;
  /** How many times as long everything takes here at this moment, at least 1. */
  readonly pace: () => number;
  /** Called once, with the limit that was in force. */
  readonly onTooLong: (limitMs: number) => void;
}

const TICK_MS = 500;

/**
 * Calls when nothing was heard for too long. Time counts in ticks of this process's own timer, so that a machine that was suspended,
 * or too busy to run this process, does not count as silence; and before the call the limit is stretched by the pace of that moment.
 */
export function watchSilence({ limitMs, pace, onTooLong }: SilenceOptions): SilenceWatch {
  let silentMs = 0;
  let stretchedMs = limitMs;
  const timer = setInterval(() => {
    silentMs += TICK_MS;
    if (silentMs < stretchedMs) return;
    stretchedMs = limitMs * pace();
    if (silentMs < stretchedMs) return;
    clearInterval(timer);
    onTooLong(stretchedMs);
  }, TICK_MS);
  return {
    heard() {
      silentMs = 0;
    },
    stop: () => clearInterval(timer),
  };
}
