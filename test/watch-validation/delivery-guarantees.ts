import type { OrderEvent } from '@order-events/order-stream';
import { rankOf, ranksOf } from './log-rank.ts';
import { isSelected, type LoggedEvent, type TopicLog } from './topic-log.ts';
import type { WatchHistory } from './watch-history.ts';

/** What is wrong, in words; nothing when the history keeps the guarantee. */
export type Judgement = (history: WatchHistory, log: TopicLog) => Iterable<string>;

/** Ordered: within a stream the events of a partition come by their offsets, and those of an order by their versions. */
export function* ordered({ streams }: WatchHistory): Iterable<string> {
  for (const { messages } of streams) {
    const offsets = new Map<number, bigint>();
    const versions = new Map<string, bigint>();
    for (const event of messages.flatMap(({ message }) => message.events)) {
      const offset = offsets.get(event.partition) ?? -1n;
      const version = versions.get(event.orderId) ?? -1n;
      if (event.offset <= offset) yield `${nameOf(event)} came after offset ${offset}`;
      if (event.orderVersion <= version) yield `${nameOf(event)} came after version ${version}`;
      offsets.set(event.partition, event.offset);
      versions.set(event.orderId, event.orderVersion);
    }
  }
}

/** Unique: no event comes more often than it was published, over all streams of a client that resumes where it stood. */
export function* unique(history: WatchHistory, log: TopicLog): Iterable<string> {
  const publications = new Map<string, number>();
  for (const { eventId, isRepeated } of log.partitions.flat()) {
    if (!isRepeated) publications.set(eventId, (publications.get(eventId) ?? 0) + 1);
  }
  for (const event of eventsOf(history)) {
    const left = publications.get(event.eventId) ?? 1;
    if (left < 1) yield `${nameOf(event)} came again`;
    publications.set(event.eventId, left - 1);
  }
}

/** Reliable: when one event and a later one of its partition came, all that match in between came. */
export function* reliable(history: WatchHistory, log: TopicLog): Iterable<string> {
  const delivered = log.partitions.map(() => new Set<number>());
  for (const event of eventsOf(history)) {
    const rank = rankOf(log, event);
    if (rank !== undefined) delivered[event.partition]?.add(rank);
  }
  const gaps = gapsOf(history, log);
  for (const [partition, events] of log.partitions.entries()) {
    const ranks = delivered[partition] ?? new Set();
    const first = ranks.values().reduce((least, rank) => Math.min(least, rank), events.length);
    const last = ranks.values().reduce((most, rank) => Math.max(most, rank), -1);
    for (const [index, event] of events.slice(first, last).entries()) {
      const rank = first + index;
      if (ranks.has(rank) || !isDue(history, event)) continue;
      if (gaps.some((gap) => rank >= (gap.from[partition] ?? 0) && rank < (gap.to[partition] ?? 0))) continue;
      yield `${nameOf(event)} did not come although a later one did`;
    }
  }
}

/** Filtered: every event is one of the log, unchanged, and matches the filter. */
export function* filtered(history: WatchHistory, log: TopicLog): Iterable<string> {
  for (const event of eventsOf(history)) {
    const rank = rankOf(log, event);
    const logged = rank === undefined ? undefined : log.partitions[event.partition]?.[rank];
    if (!logged) yield `${nameOf(event)} is not in the log`;
    else if (contentOf(event) !== contentOf(logged))
      yield `${nameOf(event)} is in the log as ${contentOf(logged)}`;
    if (!isSelected(history.filter, event)) yield `${nameOf(event)} does not match the filter`;
  }
}

/** Whether a client that reads past an event must have got it. */
export function isDue(history: WatchHistory, event: LoggedEvent): boolean {
  return !event.isRepeated && isSelected(history.filter, event);
}

export function nameOf({
  eventId,
  partition,
  offset,
  orderId,
  orderVersion,
}: OrderEvent | LoggedEvent): string {
  return `event ${eventId} at ${partition}@${offset} (order ${orderId}, version ${orderVersion})`;
}

function eventsOf({ streams }: WatchHistory): OrderEvent[] {
  return streams.flatMap(({ messages }) => messages.flatMap(({ message }) => message.events));
}

function gapsOf({ streams }: WatchHistory, log: TopicLog) {
  return streams.flatMap(({ messages }) =>
    messages.flatMap(({ message: { signal, resumeToken } }) =>
      signal?.$case === 'gap'
        ? [{ from: ranksOf(signal.value.fromToken, log), to: ranksOf(resumeToken, log) }]
        : [],
    ),
  );
}

export function contentOf(event: OrderEvent | LoggedEvent): string {
  const { eventId, eventType, orderId, orderVersion, customerId, status } = event;
  return [eventId, eventType, orderId, orderVersion, customerId, status].join(' ');
}
