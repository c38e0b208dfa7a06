import assert from 'node:assert/strict';
import type { SimulatedKafka, SimulatedTopic } from '../../../packages/messaging/testing/simulated-kafka.ts';
import type { LogEvent } from '../src/log/log-event.ts';
import { recordName } from './epoch-records.ts';

export interface Place {
  readonly topicId: string;
  readonly next: readonly bigint[];
}

/**
 * The name of a delivered event with its place. Brokers are asked by the topic's name: until it is known that it was created again, a
 * stream may be given what is new, and is then told that its position is of another topic.
 */
export function wasEverThere(
  kafka: SimulatedKafka,
  topicId: string,
  { partition, offset, eventId }: Pick<LogEvent, 'partition' | 'offset' | 'eventId'>,
): string {
  const name = recordName(eventId);
  assert.ok(
    kafka.everAt(topicId, partition, Number(offset)).includes(name),
    `event ${name} was never at ${partition}/${offset} of the topic of its position, nor of a newer one`,
  );
  return `${partition}/${offset}/${name}`;
}

/** What the log has from a place on and was not delivered. */
export function skippedOf(
  topic: SimulatedTopic,
  base: Place | undefined,
  delivered: ReadonlySet<string>,
): string[] {
  return topic.partitions.flatMap(({ records, start }, partition) => {
    const from = Math.max(start, Number(base?.next[partition] ?? 0n));
    const due = records.slice(from).map(({ name }, index) => `${partition}/${from + index}/${name}`);
    return due.filter((place) => !delivered.has(place));
  });
}
