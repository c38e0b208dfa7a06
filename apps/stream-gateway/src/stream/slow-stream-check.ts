import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import { createSlowPolicy, type SlowCause, type SlowLimits } from './slow-policy.ts';
import type { WatchRegistry } from './watch-registry.ts';

export interface SlowStreamCheckOptions {
  readonly watches: Pick<WatchRegistry, 'list' | 'end'>;
  readonly limits: SlowLimits;
  readonly onEvicted: (cause: SlowCause) => void;
  readonly log: Logger;
}

const MAX_CHECK_MS = 1_000;
const CHECKS_PER_LIMIT = 20;

/** Ends the streams that SlowPolicy finds too slow, with the token of what their client can have got. */
export function createSlowStreamCheck({ watches, limits, onEvicted, log }: SlowStreamCheckOptions): Part {
  const policy = createSlowPolicy(limits);
  const checkMs = Math.min(MAX_CHECK_MS, Math.min(limits.blockedMs, limits.windowMs) / CHECKS_PER_LIMIT);
  let checkedMs = performance.now();

  function check(): void {
    const nowMs = performance.now();
    // After a time in which this process stood still nobody could take anything: what clients have sent meanwhile is read first.
    const stoodStill = nowMs - checkedMs > 5 * checkMs;
    checkedMs = nowMs;
    if (stoodStill) return;
    for (const { watch, cause, message } of policy.look(watches.list(), nowMs)) {
      const backlogEvents = String(watch.backlog());
      log.warn(
        { watcherId: watch.id, peer: watch.peer, cause, backlogEvents },
        'ending a stream that is too slow',
      );
      // How far a customer is behind tells how much the others order.
      const isConfined = watch.caller?.principal.customerId !== undefined;
      watches.end(watch, 'SLOW_CONSUMER', message, isConfined ? {} : { backlog_events: backlogEvents });
      onEvicted(cause);
    }
  }

  return createRunningPart('check of slow streams', async (stopping) => {
    checkedMs = performance.now();
    for (;;) {
      await sleep(checkMs, stopping);
      if (stopping.aborted) return;
      check();
    }
  });
}
