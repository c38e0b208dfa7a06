import { CURSOR_AT_START } from '../cursor.ts';
import { deliveryFindings, type Finding } from '../health/delivery-health.ts';
import type { Queries } from '../queries.ts';
import { type LiveRelay, readLiveRelays } from './live-relays.ts';
import { type OpenTransaction, readOpenTransactions } from './open-transactions.ts';
import { type PartitionState, readPartitions } from './partitions.ts';
import { measurePending } from './pending-query.ts';
import { readRelayReports } from './relay-report.ts';
import { type ReplayProgress, unfinishedReplays } from './replay-requests.ts';

/**
 * Everything about the delivery of events that only the database knows, measured in one round. Whoever looks, a relay for its page and
 * its metrics or an operator with `outboxctl status`, sees all relays, and the same.
 */
export interface DeliveryObservation {
  /** On this process's monotonic clock. */
  readonly measuredAtMs: number;
  readonly pendingEvents: number;
  /** 0 when nothing is pending. */
  readonly oldestPendingAgeSeconds: number;
  /** Counting stopped at its limit, and the rest is estimated from the sequence. */
  readonly estimated: boolean;
  readonly partitions: readonly PartitionObservation[];
  readonly relays: readonly LiveRelay[];
  readonly parkedEvents: number;
  readonly parkedKeys: number;
  /** Those that have written, oldest first; only the oldest few. */
  readonly openTransactions: readonly OpenTransaction[];
  /** Those that are not finished, oldest first. */
  readonly replays: readonly ReplayProgress[];
  /** What the relays have found to be wrong. */
  readonly reports: readonly Finding[];
  /** The server takes no writes. */
  readonly readOnly: boolean;
}

export interface PartitionObservation extends PartitionState {
  readonly pendingEvents: number;
  /** 0 when nothing is pending. */
  readonly oldestPendingAgeSeconds: number;
}

/** Rows of the outbox that one round walks at most; what is beyond them is estimated. */
const MAX_ROWS = 20_000;

/** One round, one statement after another. `except`: a relay that needs no report of its own. */
export async function observeDelivery(
  queries: Queries,
  { leaseMs, except }: { readonly leaseMs: number; readonly except?: string },
): Promise<DeliveryObservation> {
  const states = await readPartitions(queries);
  // Before any relay has seen the topic there are no partitions, and everything in the outbox waits.
  const stored = states.length > 0 ? states : [{ partition: 0, cursor: CURSOR_AT_START }];
  const pending = await measurePending(queries, stored, stored.length, MAX_ROWS);
  const all = [...pending.values()];
  return {
    measuredAtMs: performance.now(),
    pendingEvents: sum(all.map(({ events }) => events)),
    oldestPendingAgeSeconds: Math.max(0, ...all.map(({ oldestAgeSeconds }) => oldestAgeSeconds)),
    estimated: all.some(({ estimated }) => estimated),
    partitions: states.map((state) => {
      const own = pending.get(state.partition);
      return {
        ...state,
        pendingEvents: own?.events ?? 0,
        oldestPendingAgeSeconds: own?.oldestAgeSeconds ?? 0,
      };
    }),
    relays: await readLiveRelays(queries, leaseMs),
    parkedEvents: sum(states.map(({ parkedEvents }) => parkedEvents)),
    parkedKeys: sum(states.map(({ parkedKeys }) => parkedKeys)),
    openTransactions: await readOpenTransactions(queries),
    replays: await unfinishedReplays(queries),
    reports: await readRelayReports(queries, except),
    readOnly: await isReadOnly(queries),
  };
}

/** All that there is to say about the delivery of events, worst first. `found`: what was found elsewhere than in the observation. */
export function observedFindings(
  observation: DeliveryObservation,
  options: {
    readonly leaseMs: number;
    /** For how long an event may wait. */
    readonly maxWaitSeconds: number;
    readonly found: readonly Finding[];
  },
): Finding[] {
  return deliveryFindings({
    partitions: observation.partitions,
    relays: observation.relays.length,
    leaseSeconds: options.leaseMs / 1000,
    parkedKeys: observation.parkedKeys,
    readOnly: observation.readOnly,
    maxWaitSeconds: options.maxWaitSeconds,
    found: options.found,
  });
}

/** A standby, or a server that was set so: events may wait there, and nobody can publish them. */
async function isReadOnly(queries: Queries): Promise<boolean> {
  const { rows } = await queries.query<{ transaction_read_only: string }>('SHOW transaction_read_only');
  return rows[0]?.transaction_read_only === 'on';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
