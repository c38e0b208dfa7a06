import type { SettingFinding } from '@order-events/messaging';
import { type Logger } from '@order-events/runtime';
import type { FindingBoard } from './finding-board.ts';

export interface SettingsWatchOptions {
  /** What of the settings of the topic and its brokers ends a promise; rejects while Kafka is away. */
  readonly review: (signal: AbortSignal) => Promise<readonly SettingFinding[]>;
  readonly board: FindingBoard;
  readonly log: Logger;
}

/** Settings are changed under a running relay; what halted it is looked at each time, so that it goes on as soon as it is mended. */
const INTERVAL_MS = 60_000;

/** Looks at the settings at most once a minute, and answers why nothing may be published. */
export function createSettingsWatch(
  options: SettingsWatchOptions,
): (signal: AbortSignal) => Promise<string | undefined> {
  const { board, log } = options;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let haltReason: string | undefined;

  return async (signal) => {
    if (haltReason === undefined && performance.now() - lookedAtMs < INTERVAL_MS) return undefined;
    try {
      const findings = await options.review(signal);
      lookedAtMs = performance.now();
      // The gate tells what halts.
      board.put(
        'settings',
        findings.filter(({ severity }) => severity !== 'halt'),
      );
      haltReason = findings.find(({ severity }) => severity === 'halt')?.text;
    } catch (error) {
      log.debug({ reason: error }, 'could not look at the settings of the topic');
    }
    return haltReason;
  };
}
