import type { LeaseId } from '@order-events/outbox';
import { leaseIds, type Ownership, type OwnershipRequest, type OwnershipTimes } from './ownership-state.ts';

/** A stopping relay waits this long for partitions to drain together, so that one statement gives them all back. */
export const GATHER_MS = 50;

/** What to ask of the database now. */
export function nextRequest(state: Ownership, times: OwnershipTimes, nowMs: number): OwnershipRequest {
  const { holdings, stopping } = state;
  const leases = leaseIds(holdings);
  const drained = leaseIds(holdings, (holding) => holding.leaving?.drained === true);
  if (stopping) return nextWhileStopping(state, stopping, leases, drained, times, nowMs);
  if (nowMs >= state.renewAtMs) return { kind: 'renew', leases };
  if (drained.length > 0) return { kind: 'release', leases: drained, leaving: false };
  if (state.wanted > 0) return { kind: 'acquire', leases, limit: state.wanted };
  if (nowMs >= state.lookAtMs) return { kind: 'look', leases };
  return { kind: 'wait', untilMs: Math.min(state.renewAtMs, state.lookAtMs) };
}

function nextWhileStopping(
  state: Ownership,
  stopping: NonNullable<Ownership['stopping']>,
  leases: readonly LeaseId[],
  drained: readonly LeaseId[],
  times: OwnershipTimes,
  nowMs: number,
): OwnershipRequest {
  const endMs = stopping.sinceMs + 2 * times.drainMs;
  if (nowMs >= endMs || (stopping.left && leases.length === 0)) return { kind: 'end' };
  const gatherUntilMs = stopping.sinceMs + GATHER_MS;
  const gathered = drained.length === leases.length || nowMs >= gatherUntilMs;
  if (gathered && (drained.length > 0 || !stopping.left)) {
    return { kind: 'release', leases: drained, leaving: true };
  }
  if (nowMs >= state.renewAtMs) return { kind: 'renew', leases };
  const untilMs = gathered ? endMs : gatherUntilMs;
  return { kind: 'wait', untilMs: Math.min(untilMs, state.renewAtMs) };
}
