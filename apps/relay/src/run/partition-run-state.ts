import type { PartitionWriter } from '../publish/partition-writer.ts';

/**
 * What the worker of one partition knows of itself. Pure: the worker (`partition-run.ts`) does what `nextStep` says, one thing at a
 * time, and tells what came of it; whatever happens meanwhile (a request, a drain, an old fence) is told as well.
 */
export interface RunState {
  readonly phase: RunPhase;
  /** Operators may have asked for something. */
  readonly attentionWanted: boolean;
  /** Operators' requests and pages take turns. */
  readonly attendedLast: boolean;
  readonly draining: DrainUntil | undefined;
}

/**
 * - `unclaimed`: others may write. Whatever was read ahead is read again after the claim.
 * - `claimed`: older owners are fenced and the ledger is known. What is parked, and what a former owner did for operators, is not.
 * - `publishing`: pages go out as they come.
 * - `held`: of the last page the topic has a part or nothing, and the writer knows which; it is tried again, and nothing is read until
 *   it is published.
 */
export type RunPhase = 'unclaimed' | 'claimed' | 'publishing' | 'held';

/** `acknowledged`: when nothing is under way. `window`: when the window in progress is worked off as well. */
export type DrainUntil = 'acknowledged' | 'window';

/**
 * - `more`: attend again after the next page.
 * - `held`: Kafka takes nothing now; attend again after a pause.
 * - `unclaimed`: what was published is not known.
 */
export type AttendResult = 'done' | 'more' | 'held' | 'unclaimed';

export type DeliverResult = Awaited<ReturnType<PartitionWriter['deliver']>>;

/** What is read ahead. */
export interface ReadAhead {
  readonly isEmpty: boolean;
  /** The checkpoint is at the end of a window. */
  readonly isAtWindowEnd: boolean;
}

export type RunStep = 'claim' | 'attend' | 'deliver' | 'deliver again' | 'wait' | 'end';

export const RUN_AT_START: RunState = {
  phase: 'unclaimed',
  attentionWanted: true,
  attendedLast: false,
  draining: undefined,
};

/** What to do next. While a step is under way nobody asks. */
export function nextStep(state: RunState, ahead: ReadAhead): RunStep {
  if (isDrained(state, ahead)) return 'end';
  if (state.phase === 'unclaimed') return 'claim';
  if (state.phase === 'held') return 'deliver again';
  // Before the first page, and successfully: an event must not pass parked ones of its key, and the end of a window ends the ledger,
  // which alone knows what a former owner did for operators without recording it.
  if (state.phase === 'claimed') return 'attend';
  if (state.attentionWanted && (!state.attendedLast || ahead.isEmpty)) return 'attend';
  return ahead.isEmpty ? 'wait' : 'deliver';
}

/** Whether pages are taken, and read for from `nextIsInWindow` on: a drained run begins no other window. */
export function mayRead(state: RunState, ahead: ReadAhead, nextIsInWindow: boolean): boolean {
  if (state.phase === 'unclaimed' || state.phase === 'held' || isDrained(state, ahead)) return false;
  return state.draining !== 'window' || nextIsInWindow;
}

function isDrained({ draining, phase }: RunState, ahead: ReadAhead): boolean {
  if (draining === 'acknowledged') return true;
  const isIdle = phase === 'claimed' || phase === 'publishing';
  return draining === 'window' && isIdle && ahead.isEmpty && ahead.isAtWindowEnd;
}

export function claimed(state: RunState): RunState {
  return { ...state, phase: 'claimed', attentionWanted: true };
}

/** From now on a request is a new one. */
export function attending(state: RunState): RunState {
  return { ...state, attentionWanted: false, attendedLast: true };
}

export function attended(state: RunState, result: AttendResult): RunState {
  if (result === 'unclaimed') return unclaimed(state);
  const attentionWanted = state.attentionWanted || result !== 'done';
  // The fence may have been given up meanwhile.
  return { ...state, attentionWanted, phase: state.phase === 'claimed' ? 'publishing' : state.phase };
}

export function attendFailed(state: RunState): RunState {
  return { ...state, attentionWanted: true };
}

export function delivering(state: RunState): RunState {
  return { ...state, attendedLast: false };
}

export function delivered(state: RunState, result: DeliverResult): RunState {
  if (result === 'unclaimed' || state.phase === 'unclaimed') return unclaimed(state);
  return { ...state, phase: result === 'published' ? 'publishing' : 'held' };
}

/** The fence is old, or something went wrong that nobody has thought of. */
export function unclaimed(state: RunState): RunState {
  return { ...state, phase: 'unclaimed' };
}

export function attentionRequested(state: RunState): RunState {
  return { ...state, attentionWanted: true };
}

export function drainRequested(state: RunState, draining: DrainUntil): RunState {
  return { ...state, draining };
}
