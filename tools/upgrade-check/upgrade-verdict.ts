import { hasReadAll } from '../../test/watch-validation/read-to-end.ts';
import { subscriptionViolations } from '../../test/watch-validation/subscription-guarantees.ts';
import type { LoggedEvent, TopicLog } from '../../test/watch-validation/topic-log.ts';
import { violationsOf } from '../../test/watch-validation/watch-guarantees.ts';
import type { AcceptedWrite } from './order-writes.ts';
import { type ReleaseClients, type Sight, versionKey } from './release-clients.ts';
import type { Phase } from './upgrade-run.ts';

/** What came of the changes that were accepted in a phase. */
export interface PhaseFigures {
  readonly phase: Phase;
  readonly seconds: number;
  readonly events: number;
  /** Not in the topic, or not seen by one of those who must see everything. */
  readonly lost: number;
  /** Events that the topic has more than once. */
  readonly doubled: number;
  /** Events of an order that the topic has before an earlier one of it. */
  readonly outOfOrder: number;
  /** The longest time in which a watcher of everything got nothing. */
  readonly silenceMs: number;
  /** The longest time from an answer of the API until the last watcher had the event, and until a consumer had it. */
  readonly watchedAfterMs: number;
  readonly consumedAfterMs: number;
}

export interface Judged {
  readonly phases: readonly Phase[];
  readonly endedMs: number;
  readonly accepted: readonly AcceptedWrite[];
  readonly clients: ReleaseClients;
  readonly log: TopicLog;
}

/** What happened in each phase, by when the API accepted it. */
export function figuresOf(judged: Judged): PhaseFigures[] {
  const { phases, endedMs, accepted, clients, log } = judged;
  const inTopic = topicFaults(log);
  const sights = [...clients.watchers, clients.consumers];
  return phases.map((phase, index) => {
    const toMs = phases[index + 1]?.fromMs ?? endedMs;
    const isWithin = (atMs: number) => atMs >= phase.fromMs && atMs < toMs;
    const writes = accepted.filter(({ atMs }) => isWithin(atMs));
    const keys = writes.map(({ orderId, version }) => versionKey(orderId, version));
    return {
      phase,
      seconds: (toMs - phase.fromMs) / 1_000,
      events: writes.length,
      lost: keys.filter((key) => !inTopic.all.has(key) || sights.some(({ seenAtMs }) => !seenAtMs.has(key)))
        .length,
      doubled: keys.filter((key) => inTopic.doubled.has(key)).length,
      outOfOrder: keys.filter((key) => inTopic.outOfOrder.has(key)).length,
      silenceMs: Math.max(...clients.watchers.map((sight) => longestSilenceMs(sight, isWithin))),
      watchedAfterMs: Math.max(...clients.watchers.map((sight) => longestDelayMs(sight, writes))),
      consumedAfterMs: longestDelayMs(clients.consumers, writes),
    };
  });
}

/** Something that is wrong, in words, and where: in the topic, at a watcher, or at the consumers. */
export interface Violation {
  readonly of: string;
  readonly text: string;
}

export function violationsIn(
  { accepted, clients, log }: Judged,
  committed: readonly { readonly orderId: string; readonly version: number }[],
): Violation[] {
  const { all, doubled, outOfOrder } = topicFaults(log);
  const keysOf = (changes: readonly { orderId: string; version: number }[]) =>
    new Set(changes.map(({ orderId, version }) => versionKey(orderId, version)));
  const [acceptedKeys, committedKeys] = [keysOf(accepted), keysOf(committed)];
  const histories = clients.watches.map((watch) => watch.history());
  return [
    ...named('accepted, and not in the outbox', acceptedKeys.difference(committedKeys)),
    ...named('committed, and nobody was told so', committedKeys.difference(acceptedKeys)),
    ...named('committed, and not in the topic', committedKeys.difference(all)),
    ...named('in the topic, and not committed', all.difference(committedKeys)),
    ...named('in the topic more than once', doubled),
    ...named('in the topic before an earlier version', outOfOrder),
    ...histories
      .filter((each) => !hasReadAll(each, log))
      .map(({ client }) => ({ of: `watcher, ${client}`, text: 'has not read all' })),
    ...violationsOf(histories, log).map(({ client, guarantee, text }) => ({
      of: `watcher, ${client}, ${guarantee}`,
      text,
    })),
    ...subscriptionViolations(clients.subscription.history(), log).map(({ guarantee, text }) => ({
      of: `consumers, ${guarantee}`,
      text,
    })),
  ];
}

const named = (of: string, keys: ReadonlySet<string>) => Array.from(keys, (text) => ({ of, text }));

/** What the topic has, by order and version: an event of the same version is another one if the relay published it twice. */
export function topicFaults({ partitions }: Pick<TopicLog, 'partitions'>) {
  const [all, doubled, outOfOrder] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const newest = new Map<string, bigint>();
  const take = ({ orderId, orderVersion }: LoggedEvent) => {
    const key = versionKey(orderId, orderVersion);
    const last = newest.get(orderId) ?? 0n;
    if (all.has(key)) doubled.add(key);
    else if (orderVersion !== last + 1n) outOfOrder.add(key);
    all.add(key);
    if (orderVersion > last) newest.set(orderId, orderVersion);
  };
  for (const event of partitions.flat()) take(event);
  return { all, doubled, outOfOrder };
}

/** Between one event and the next one that was new to this watcher, by when that came. */
function longestSilenceMs({ seenAtMs }: Sight, isWithin: (atMs: number) => boolean): number {
  const times = [...seenAtMs.values()];
  const silences = times.slice(1).map((atMs, index) => (isWithin(atMs) ? atMs - (times[index] ?? atMs) : 0));
  return silences.reduce((longest, silence) => Math.max(longest, silence), 0);
}

function longestDelayMs({ seenAtMs }: Sight, writes: readonly AcceptedWrite[]): number {
  const delays = writes.map(
    ({ orderId, version, atMs }) => (seenAtMs.get(versionKey(orderId, version)) ?? Infinity) - atMs,
  );
  return delays.reduce((longest, delay) => Math.max(longest, delay), 0);
}
