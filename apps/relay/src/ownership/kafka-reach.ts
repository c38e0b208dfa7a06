import { KafkaProtocolError } from '@order-events/messaging';
import { createRunningPart, type Part, sleep } from '@order-events/runtime';

/**
 * - `steady`: this relay has reached Kafka for a while, without a failure.
 * - `unsteady`: it fails to, or has not reached it for long.
 * - `cut off`: it has not reached it for as long as is waited before its partitions are others' to publish.
 */
export type KafkaReach = 'steady' | 'unsteady' | 'cut off';

/** Times are milliseconds of a monotonic clock. */
export interface ReachRecord {
  /** Kafka has answered, whatever it said. */
  reached(nowMs: number): void;
  failed(nowMs: number): void;
  at(nowMs: number): KafkaReach;
}

/** A probe takes at most so long, and the next one begins after as long, or sooner where that is much of what is waited for. */
const PROBE_MS = 2000;
const PROBES_AT_LEAST = 5;

/**
 * One answer ends what was `cut off`; to be `steady` takes half as long without a failure, so that a connection that comes and goes moves
 * nothing. Counted from the first failure, not from the last answer: a process that was frozen has not been cut off.
 */
export function createReachRecord(cutOffMs: number): ReachRecord {
  let reachedSinceMs: number | undefined;
  let failingSinceMs: number | undefined;
  return {
    reached(nowMs) {
      failingSinceMs = undefined;
      reachedSinceMs ??= nowMs;
    },
    failed(nowMs) {
      reachedSinceMs = undefined;
      failingSinceMs ??= nowMs;
    },
    at(nowMs) {
      if (failingSinceMs !== undefined && nowMs - failingSinceMs >= cutOffMs) return 'cut off';
      return reachedSinceMs !== undefined && nowMs - reachedSinceMs >= cutOffMs / 2 ? 'steady' : 'unsteady';
    },
  };
}

/** Asks Kafka again and again, so that a relay without a partition or an event knows as well. */
export function createReachProbe(options: {
  /** Rejects when no broker answers. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
  readonly record: Pick<ReachRecord, 'reached' | 'failed'>;
  readonly cutOffMs: number;
}): Part {
  const { ask, record } = options;
  const intervalMs = Math.min(PROBE_MS, options.cutOffMs / PROBES_AT_LEAST);
  return createRunningPart('Kafka probe', async (stopping) => {
    while (!stopping.aborted) {
      try {
        await ask(AbortSignal.any([stopping, AbortSignal.timeout(PROBE_MS)]));
        record.reached(performance.now());
      } catch (error) {
        // A broker that refuses is one that is reached.
        record[error instanceof KafkaProtocolError ? 'reached' : 'failed'](performance.now());
      }
      await sleep(intervalMs, stopping);
    }
  });
}
