import assert from 'node:assert/strict';
import { contentOf, nameOf } from './delivery-guarantees.ts';
import { rankOf } from './log-rank.ts';
import type { SubscriptionHistory } from './subscription-history.ts';
import { isSelected, type LoggedEvent, type TopicLog } from './topic-log.ts';

type Judgement = (history: SubscriptionHistory, log: TopicLog) => Iterable<string>;

/** Handled: every event that matches was acknowledged by somebody. */
function* handled({ steps, filter }: SubscriptionHistory, log: TopicLog): Iterable<string> {
  const acknowledged = new Set(steps.filter(isOf('acknowledged')).map(({ event }) => event.eventId));
  for (const event of dueEvents(filter, log)) {
    if (!acknowledged.has(event.eventId)) yield `${nameOf(event)} was acknowledged by nobody`;
  }
}

/** In order: when an event of an order came for the first time, all before it that match had come, to whomever. */
function* inOrder({ steps, filter }: SubscriptionHistory, log: TopicLog): Iterable<string> {
  const waiting = Map.groupBy(dueEvents(filter, log), ({ orderId }) => orderId);
  const seen = new Set<string>();
  for (const { event, consumer } of steps.filter(isOf('delivered'))) {
    if (seen.has(event.eventId)) continue;
    seen.add(event.eventId);
    const next = waiting.get(event.orderId)?.shift();
    if (next?.eventId !== event.eventId) {
      yield `${nameOf(event)} came first to ${consumer}, before ${next ? nameOf(next) : 'nothing'}`;
    }
  }
}

/** Settled: what the server said to be stored is given to nobody again. */
function* settled({ steps }: SubscriptionHistory): Iterable<string> {
  const stored = new Set<string>();
  for (const { kind, consumer, event } of steps) {
    if (kind === 'stored') stored.add(event.eventId);
    if (kind === 'delivered' && stored.has(event.eventId)) {
      yield `${nameOf(event)} came again, to ${consumer}, after it was stored`;
    }
  }
}

/** Genuine: every event is one of the log, unchanged, and matches the filter. */
function* genuine({ steps, filter }: SubscriptionHistory, log: TopicLog): Iterable<string> {
  for (const { event } of steps.filter(isOf('delivered'))) {
    const rank = rankOf(log, event);
    const logged = rank === undefined ? undefined : log.partitions[event.partition]?.[rank];
    if (!logged || contentOf(logged) !== contentOf(event)) yield `${nameOf(event)} is not so in the log`;
    if (!isSelected(filter, event)) yield `${nameOf(event)} does not match the filter`;
  }
}

const GUARANTEES = { handled, inOrder, settled, genuine } satisfies Record<string, Judgement>;

export type SubscriptionGuarantee = keyof typeof GUARANTEES;

/** What is wrong with shared work, by the guarantee that it breaks. */
export function subscriptionViolations(
  history: SubscriptionHistory,
  log: TopicLog,
): { readonly guarantee: string; readonly text: string }[] {
  return Object.entries(GUARANTEES).flatMap(([guarantee, judge]) =>
    Array.from(judge(history, log), (text) => ({ guarantee, text })),
  );
}

const SHOWN = 8;

export function assertSubscriptionGuarantees(history: SubscriptionHistory, log: TopicLog): void {
  const violations = subscriptionViolations(history, log);
  const shown = violations.slice(0, SHOWN).map(({ guarantee, text }) => `${guarantee}: ${text}`);
  const summary = `${history.subscription}: ${violations.length} violations\n${shown.join('\n')}`;
  assert.equal(violations.length, 0, summary);
}

function dueEvents(filter: SubscriptionHistory['filter'], log: TopicLog): LoggedEvent[] {
  return log.partitions.flat().filter((event) => !event.isRepeated && isSelected(filter, event));
}

function isOf(wanted: SubscriptionHistory['steps'][number]['kind']) {
  return ({ kind }: SubscriptionHistory['steps'][number]) => kind === wanted;
}
