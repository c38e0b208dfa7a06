import type { CommittedOffset } from '@order-events/messaging';
import { StreamError } from '../stream/stream-error.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { filterOf } from './open-place.ts';

const HASH_VERSION = 'f1:';
const HASH_BYTES = 16;

/**
 * What is committed along with every offset of a subscription: which filter it has. The same for filters that mean the same,
 * whatever the order of their values.
 */
export function filterMetadata({ key }: Pick<EventFilter, 'key'>): string {
  return HASH_VERSION + Buffer.from(key, 'base64url').toString('base64url', 0, HASH_BYTES);
}

/**
 * Throws a StreamError when the subscription has another filter: its members would skip events of each other. Offsets that an operator
 * has set with a tool of Kafka name no filter, and so fit any.
 */
export function checkFilter(committed: ReadonlyMap<number, CommittedOffset>, metadata: string): void {
  for (const { metadata: found } of committed.values()) {
    if (!found.startsWith(HASH_VERSION) || filterOf(found) === metadata) continue;
    throw new StreamError(
      'SUBSCRIPTION_FILTER_DIFFERS',
      'the subscription has another filter: all its streams must send the same one; SeekSubscription gives it a new one, which leaves its place as it is',
    );
  }
}
