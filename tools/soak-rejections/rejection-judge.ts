import { createExpectedHolds } from './expected-holds.ts';
import type { EventStep, RejectionStep } from './rejection-step.ts';
import type { SoakLog } from './soak-log.ts';

/**
 * What is promised of shared work with rejections. `handled`: every event in the end. `ordered`: an event is handled for the first time
 * when all before it in its order are. `arrived`: it comes for the first time when all before it have come. `held`: between a
 * rejection and the next delivery of its event nothing behind it comes. `waits`: what was set aside comes only when an operator asked for it.
 * `counted`: a delivery says that as many rejections went before it as were stored. `settled`: what is stored comes to nobody again.
 */
export type RejectionPromise = 'handled' | 'ordered' | 'arrived' | 'held' | 'waits' | 'counted' | 'settled';

export interface Violation {
  readonly promise: RejectionPromise;
  readonly text: string;
}

/** Takes the steps of a soak one by one, so that a long one needs no more memory than what is known of its events. */
export interface RejectionJudge {
  take(step: RejectionStep): void;
  handledCount(): number;
  /** Deliveries of events that had come before. */
  repeatedCount(): number;
  heldCount(): number;
  setAsideCount(): number;
  /** All so far; `isOver` counts as lost what nobody has handled. */
  violations(isOver: boolean): readonly Violation[];
}

/** A run that breaks everything need not name everything. */
const MAX_VIOLATIONS = 1_000;

export function createRejectionJudge(log: SoakLog): RejectionJudge {
  const found: Violation[] = [];
  const seen = new Set<number>();
  const handled = new Set<number>();
  const stored = new Set<number>();
  const holds = createExpectedHolds();
  const rejections = new Map<number, number>();
  const counts = { repeated: 0, held: 0, 'set aside': 0 };

  const orderOf = (event: number) => log.orderOf[event] ?? -1;
  const isAfterAllIn = (event: number, done: ReadonlySet<number>) => {
    const before = log.before[event] ?? -1;
    return before === -1 || done.has(before);
  };

  function break_(promise: RejectionPromise, { kind, event, consumer }: EventStep, text: string): void {
    const order = orderOf(event);
    if (found.length < MAX_VIOLATIONS) {
      found.push({ promise, text: `event ${event} of order ${order} ${kind} at ${consumer}: ${text}` });
    }
  }

  function arrive(step: EventStep): void {
    const { event } = step;
    if (seen.has(event)) {
      counts.repeated += 1;
      return;
    }
    seen.add(event);
    if (!isAfterAllIn(event, seen)) break_('arrived', step, `before event ${log.before[event]}`);
  }

  function deliver(step: EventStep): void {
    const { event, attempt } = step;
    if (stored.has(event)) break_('settled', step, 'its acknowledgement was stored');
    const hold = holds.of(orderOf(event));
    if (hold && event > hold.event) break_('held', step, `event ${hold.event} is held`);
    if (hold?.event === event) {
      if (hold.isSetAside && !hold.isRequeued) break_('waits', step, 'nobody asked for it');
      holds.end(orderOf(event));
    }
    const rejected = rejections.get(event) ?? 0;
    if (rejected > 0 && attempt <= rejected)
      break_('counted', step, `attempt ${attempt} after ${rejected} rejections`);
    arrive(step);
  }

  function handle(step: EventStep): void {
    const { event } = step;
    if (handled.has(event)) return;
    handled.add(event);
    if (!isAfterAllIn(event, handled)) break_('ordered', step, `before event ${log.before[event]}`);
  }

  function hold({ kind, event }: EventStep): void {
    counts[kind === 'held' ? kind : 'set aside'] += 1;
    rejections.set(event, (rejections.get(event) ?? 0) + 1);
    holds.hold(orderOf(event), event, kind === 'set aside');
  }

  /** What a handler is given late may have been given to another one meanwhile, so only this can be said of it. */
  function begin(step: EventStep): void {
    arrive(step);
    const order = orderOf(step.event);
    if (holds.of(order)?.event === step.event) holds.end(order);
  }

  const taking: Readonly<Record<EventStep['kind'], (step: EventStep) => void>> = {
    ...{
      delivered: deliver,
      begun: begin,
      handled: handle,
      held: hold,
      'set aside': hold,
    },
    stored: ({ event }) => void stored.add(event),
    rejecting: ({ event }) => holds.rejecting(orderOf(event)),
  };

  return {
    take(step) {
      if ('order' in step) holds.requeue(step);
      else taking[step.kind](step);
    },
    handledCount: () => handled.size,
    repeatedCount: () => counts.repeated,
    heldCount: () => counts.held,
    setAsideCount: () => counts['set aside'],
    violations: (isOver) => [
      ...found,
      ...(isOver ? lost(log, handled) : []).map((event): Violation => ({
        promise: 'handled',
        text: `event ${event} of order ${orderOf(event)} was handled by nobody`,
      })),
    ],
  };
}

function lost(log: SoakLog, handled: ReadonlySet<number>): number[] {
  return Array.from(log.orderOf.keys())
    .filter((event) => !handled.has(event))
    .slice(0, MAX_VIOLATIONS);
}
