import {
  type DeliveryObservation,
  type Finding,
  MAX_WAIT_SECONDS,
  observedFindings,
} from '@order-events/outbox';
import { durationText } from '@order-events/runtime';
import type { FindingBoard } from './finding-board.ts';

export interface RelayHealthOptions {
  /** What this relay has found by itself. */
  readonly board: FindingBoard;
  readonly latest: () => DeliveryObservation | undefined;
  readonly leaseMs: number;
  /** Distance of two measurements. */
  readonly intervalMs: number;
  readonly oldTransactionMs: number;
}

/** So many missing measurements say that the database is away. */
const STALE_MEASUREMENTS = 3;

/** All that there is to say about the delivery of events, as this relay sees it: worst first. */
export function relayFindings(options: RelayHealthOptions): readonly Finding[] {
  const observation = options.latest();
  const own = options.board.list();
  if (!observation) {
    return [...own, notMeasured('the database has not been measured yet')];
  }
  const staleMs = performance.now() - observation.measuredAtMs;
  const found = [...own, ...observation.reports, ...oldTransaction(options, observation)];
  if (staleMs > STALE_MEASUREMENTS * options.intervalMs) {
    const ago = durationText(staleMs / 1000);
    found.push(notMeasured(`the database was last measured ${ago} ago: all figures are old`));
  }
  return observedFindings(observation, { leaseMs: options.leaseMs, maxWaitSeconds: MAX_WAIT_SECONDS, found });
}

function notMeasured(text: string): Finding {
  return { name: 'not-measured', severity: 'fault', text };
}

function oldTransaction(options: RelayHealthOptions, { openTransactions }: DeliveryObservation): Finding[] {
  const [oldest] = openTransactions;
  if (!oldest || oldest.ageSeconds * 1000 <= options.oldTransactionMs) return [];
  const text =
    `a transaction that has written is open for ${durationText(oldest.ageSeconds)}: ` +
    'it delays its own events, and the dropping of old outbox partitions';
  return [{ name: 'open-transaction', severity: 'notice', text, partitions: [] }];
}
