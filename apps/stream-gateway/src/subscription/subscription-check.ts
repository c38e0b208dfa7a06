import type { LogReader, LogRetention } from '@order-events/messaging';
import { createRunningPart, createSparingWarn, type Logger, type Part, sleep } from '@order-events/runtime';
import type { SubscriptionLag, SubscriptionLags } from './subscription-lags.ts';

export interface SubscriptionReport {
  /** Those whose oldest unacknowledged event is oldest come first. */
  readonly lags: readonly SubscriptionLag[];
  /** Undefined when this user may not know it. */
  readonly retention: LogRetention | undefined;
  /** On the monotonic clock. */
  readonly measuredAtMs: number;
}

export interface SubscriptionCheck extends Part {
  /** Of the last look that went well; undefined before the first. */
  report(): SubscriptionReport | undefined;
}

export interface SubscriptionCheckOptions {
  readonly lags: Pick<SubscriptionLags, 'measure'>;
  readonly reader: Pick<LogReader, 'retention'>;
  readonly intervalMs: number;
  readonly log: Logger;
}

const DEADLINE_MS = 120_000;
const FAILURE_TOLD_EVERY_MS = 60_000;
/** Of the time, or of the bytes, that the topic keeps; somebody should be told while the other half is left. */
const WARNED_SHARE = 0.5;

const RETENTION_UNKNOWN =
  'this user may not know how long the topic keeps events (right DescribeConfigs on the topic): nobody is warned of subscriptions ' +
  'that are about to lose some';

/** Looks at all subscriptions again and again, and warns once of each that is about to lose events. */
export function createSubscriptionCheck({
  lags,
  reader,
  intervalMs,
  log,
}: SubscriptionCheckOptions): SubscriptionCheck {
  const warnOfFailure = createSparingWarn(log, FAILURE_TOLD_EVERY_MS);
  let report: SubscriptionReport | undefined;
  let warnedOfTime: ReadonlySet<string> = new Set();
  let warnedOfBytes: ReadonlySet<string> = new Set();
  let toldUnknown = false;

  function warn({ lags: all, retention }: SubscriptionReport): void {
    if (retention === undefined) {
      if (!toldUnknown) {
        log.warn(RETENTION_UNKNOWN);
      }
      toldUnknown = true;
      return;
    }
    warnOfTime(all, retention.ms);
    warnOfBytes(all, retention.bytes);
  }

  function warnOfTime(all: readonly SubscriptionLag[], retentionMs: number): void {
    const nowMs = Date.now();
    const late = all.filter((lag) => nowMs - (lag.oldestLogTimeMs ?? nowMs) > retentionMs * WARNED_SHARE);
    for (const { name, unacknowledgedEvents, oldestLogTimeMs = nowMs } of late) {
      if (warnedOfTime.has(name)) continue;
      const ageMs = nowMs - oldestLogTimeMs;
      log.warn(
        { subscription: name, unacknowledgedEvents: String(unacknowledgedEvents), ageMs, retentionMs },
        'a subscription has not acknowledged events for half of the time that the topic keeps them',
      );
    }
    warnedOfTime = new Set(late.map(({ name }) => name));
  }

  /** Nobody knows when a topic that keeps so many bytes drops an event: how much of it waits says how near that is. */
  function warnOfBytes(all: readonly SubscriptionLag[], retentionBytes: number): void {
    const far = Number.isFinite(retentionBytes)
      ? all.filter(({ shareOfLog }) => shareOfLog > WARNED_SHARE)
      : [];
    for (const { name, unacknowledgedEvents, shareOfLog } of far) {
      if (warnedOfBytes.has(name)) continue;
      log.warn(
        {
          subscription: name,
          unacknowledgedEvents: String(unacknowledgedEvents),
          shareOfLog,
          retentionBytes,
        },
        'a subscription has not acknowledged half of what a partition has, and the topic drops events by size (retention.bytes)',
      );
    }
    warnedOfBytes = new Set(far.map(({ name }) => name));
  }

  async function measure(signal: AbortSignal): Promise<SubscriptionReport> {
    const measuredAtMs = performance.now();
    const all = await lags.measure(signal);
    return { lags: all.toSorted(byAge), retention: await reader.retention(signal), measuredAtMs };
  }

  const part = createRunningPart('check of subscriptions', async (stopping) => {
    while (!stopping.aborted) {
      try {
        report = await measure(AbortSignal.any([stopping, AbortSignal.timeout(DEADLINE_MS)]));
        warn(report);
      } catch (error: unknown) {
        if (!stopping.aborted)
          warnOfFailure({ reason: error }, 'could not look at the subscriptions, trying on');
      }
      await sleep(intervalMs, stopping);
    }
  });
  return { ...part, report: () => report };
}

/** Those of which it is not known come last. */
function byAge(one: SubscriptionLag, other: SubscriptionLag): number {
  return (one.oldestLogTimeMs ?? Number.MAX_VALUE) - (other.oldestLogTimeMs ?? Number.MAX_VALUE);
}
