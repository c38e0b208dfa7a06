import type { AcquiredLease, LeaseId, OwnershipView, PartitionMode } from '@order-events/outbox';
import { fairShare } from './fair-share.ts';
import { givesWay } from './give-way.ts';
import type { KafkaReach } from './kafka-reach.ts';
import {
  type DrainUntil,
  type Holding,
  leaseIds,
  type Ownership,
  type OwnershipAction,
  type OwnershipTimes,
  type ReleaseReason,
  type ReleaseRequest,
} from './ownership-state.ts';

export interface Transition {
  readonly state: Ownership;
  readonly actions: readonly OwnershipAction[];
}

/** What was asked about, and when, by this process's clock, before the request went out. */
export interface SentRequest {
  readonly leases: readonly LeaseId[];
  readonly sentAtMs: number;
  /** Whether this relay reached Kafka then. */
  readonly reach: KafkaReach;
}

/**
 * A renewal was answered. `sentAtMs` is from before it went out, so the lease ends later than this relay believes. What could not be
 * renewed, because somebody has locked its row, stays valid for as long as it was, and is tried again soon.
 */
export function renewed(
  state: Ownership,
  times: OwnershipTimes,
  request: SentRequest,
  view: OwnershipView,
): Transition {
  const { leaseMs, safetyMarginMs, renewIntervalMs, drainMs } = times;
  const validUntilMs = request.sentAtMs + leaseMs - safetyMarginMs;
  const lastMs = state.stopping ? state.stopping.sinceMs + drainMs : Infinity;
  const untilMs = Math.min(validUntilMs, lastMs);
  const waitMs = view.locked.length > 0 ? Math.min(renewIntervalMs, times.lookIntervalMs) : renewIntervalMs;
  return looked(
    {
      ...state,
      holdings: validFor(state.holdings, untilMs, request, view),
      validUntilMs: untilMs,
      renewAtMs: request.sentAtMs + waitMs,
    },
    times,
    request,
    view,
  );
}

/** Only what was asked about and is ours; what is another's by now is lost in a moment. */
function validFor(
  holdings: Ownership['holdings'],
  validUntilMs: number,
  { leases }: SentRequest,
  { ours, locked }: OwnershipView,
): Map<number, Holding> {
  const renewed = new Set(ours.map(({ partition }) => partition).filter((one) => !locked.includes(one)));
  const next = new Map(holdings);
  for (const { partition, epoch } of leases) {
    const holding = next.get(partition);
    if (holding?.epoch === epoch && renewed.has(partition)) next.set(partition, { ...holding, validUntilMs });
  }
  return next;
}

/** The tables were looked at. What was asked about and is not ours is lost. */
export function looked(
  state: Ownership,
  times: OwnershipTimes,
  request: SentRequest,
  view: OwnershipView,
): Transition {
  const holdings = new Map(state.holdings);
  const actions: OwnershipAction[] = [];
  const modes = new Map(view.ours.map(({ partition, mode }) => [partition, mode]));
  for (const { partition, epoch } of request.leases) {
    if (holdings.get(partition)?.epoch !== epoch) continue;
    const mode = modes.get(partition);
    if (mode === undefined) {
      holdings.delete(partition);
      actions.push({ kind: 'lose', partition });
    } else followMode(holdings, actions, partition, mode);
  }
  const gaveWay = givesWay(state.gaveWay, request.reach, view);
  if (gaveWay) leaveAll(holdings, actions, 'cut off');
  const wanted = state.stopping || gaveWay ? 0 : shareOut(holdings, actions, view);
  const lookAtMs = request.sentAtMs + times.lookIntervalMs;
  // The others are told at once, so that they take what is given back.
  const renewAtMs = gaveWay === state.gaveWay ? state.renewAtMs : 0;
  return { state: { ...state, holdings, lookAtMs, renewAtMs, wanted, gaveWay }, actions };
}

/** Lets go of what others should own; answers with the number of partitions to take. */
function shareOut(holdings: Map<number, Holding>, actions: OwnershipAction[], view: OwnershipView): number {
  // A partition whose window is still to be worked off may be owned by anybody, so it counts, and it leaves by itself.
  const counted = leaseIds(holdings, ({ leaving }) => !leaving || leaving.until === 'window');
  const movable = leaseIds(holdings, ({ leaving }) => !leaving);
  const missing = fairShare(view) - counted.length;
  if (missing < 0) {
    for (const { partition } of movable.slice(missing)) {
      leave(holdings, actions, partition, 'surplus', 'acknowledged');
    }
  }
  return Math.max(0, Math.min(missing, view.free));
}

/** Partitions were acquired. */
export function acquired(state: Ownership, leases: readonly AcquiredLease[]): Transition {
  const holdings = new Map(state.holdings);
  const actions: OwnershipAction[] = [];
  for (const { partition, epoch, checkpoint, mode } of leases) {
    if (holdings.delete(partition)) actions.push({ kind: 'lose', partition });
    const holding: Holding = { epoch, inherited: checkpoint, validUntilMs: state.validUntilMs };
    if (state.stopping) {
      // Never begun, so there is nothing to drain.
      const leaving = { reason: 'stopping', until: 'acknowledged', drained: true } as const;
      holdings.set(partition, { ...holding, leaving });
      continue;
    }
    holdings.set(partition, holding);
    actions.push({ kind: 'gain', lease: { partition, epoch, checkpoint } });
    followMode(holdings, actions, partition, mode);
  }
  return { state: { ...state, holdings, wanted: 0 }, actions };
}

/** Nothing of a partition is under way any more. */
export function drained(state: Ownership, { partition, epoch }: LeaseId): Transition {
  const holding = state.holdings.get(partition);
  if (holding?.epoch !== epoch || !holding.leaving) return { state, actions: [] };
  const holdings = new Map(state.holdings);
  holdings.set(partition, { ...holding, leaving: { ...holding.leaving, drained: true } });
  return { state: { ...state, holdings }, actions: [] };
}

/** Leases were given back; those that `released` does not name were not ours any more. */
export function gaveBack(
  state: Ownership,
  { leases, leaving: left }: ReleaseRequest,
  released: ReadonlySet<number>,
): Transition {
  const holdings = new Map(state.holdings);
  const actions: OwnershipAction[] = [];
  for (const { partition, epoch } of leases) {
    const holding = holdings.get(partition);
    if (holding?.epoch !== epoch || !holding.leaving) continue;
    holdings.delete(partition);
    const { reason } = holding.leaving;
    actions.push(
      released.has(partition) ? { kind: 'gaveBack', partition, reason } : { kind: 'lose', partition },
    );
  }
  const stopping = state.stopping && { ...state.stopping, left: left || state.stopping.left };
  return { state: { ...state, holdings, ...(stopping && { stopping }) }, actions };
}

/** The relay stops: everything is finished and given back, nothing is taken any more. */
export function stopped(state: Ownership, times: OwnershipTimes, nowMs: number): Transition {
  if (state.stopping) return { state, actions: [] };
  const lastMs = nowMs + times.drainMs;
  const holdings = new Map(
    [...state.holdings].map(([partition, holding]): [number, Holding] => [
      partition,
      { ...holding, validUntilMs: Math.min(holding.validUntilMs, lastMs) },
    ]),
  );
  const actions: OwnershipAction[] = [];
  leaveAll(holdings, actions, 'stopping');
  const validUntilMs = Math.min(state.validUntilMs, lastMs);
  const stopping = { sinceMs: nowMs, left: false };
  return { state: { ...state, holdings, validUntilMs, wanted: 0, stopping }, actions };
}

/**
 * What this relay knows of its partitions is not to be trusted any more: all are let go of as they are stored, and may be taken again
 * from there.
 */
export function distrusted(state: Ownership): Transition {
  const actions = [...state.holdings.keys()].map((partition) => ({ kind: 'lose', partition }) as const);
  return { state: { ...notified(state), holdings: new Map() }, actions };
}

/** Something changed in the tables: worth a look now. */
export function notified(state: Ownership): Ownership {
  return { ...state, lookAtMs: 0 };
}

function followMode(
  holdings: Map<number, Holding>,
  actions: OwnershipAction[],
  partition: number,
  mode: PartitionMode,
): void {
  if (mode === 'paused') leave(holdings, actions, partition, 'paused', 'acknowledged');
  if (mode === 'draining') leave(holdings, actions, partition, 'draining', 'window');
}

function leaveAll(holdings: Map<number, Holding>, actions: OwnershipAction[], reason: ReleaseReason): void {
  for (const partition of [...holdings.keys()]) leave(holdings, actions, partition, reason, 'acknowledged');
}

function leave(
  holdings: Map<number, Holding>,
  actions: OwnershipAction[],
  partition: number,
  reason: ReleaseReason,
  until: DrainUntil,
): void {
  const holding = holdings.get(partition);
  if (!holding) return;
  const { epoch, leaving } = holding;
  // A window may be long: who is in a hurry does not wait for its end.
  const hurries = leaving?.until === 'window' && until === 'acknowledged' && !leaving.drained;
  if (leaving && !hurries) return;
  holdings.set(partition, { ...holding, leaving: { reason, until, drained: false } });
  actions.push({ kind: 'drain', partition, epoch, until });
}
