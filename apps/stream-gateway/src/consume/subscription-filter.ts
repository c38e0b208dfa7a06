import { createHash } from 'node:crypto';
import type { CommittedOffset } from '@order-events/messaging';
import { StreamError } from '../stream-error.ts';
import type { EventSelection } from '../watch/event-filter.ts';

const HASH_VERSION = 'f1:';
const HASH_BYTES = 16;

/**
 * What is committed along with every offset of a subscription: which filter it has. The same for filters that mean the same,
 * whatever the order of their values.
 */
export function filterMetadata(selection: EventSelection): string {
  const axes = [selection.statuses, selection.orderIds, selection.customerIds, selection.eventTypes];
  const canonical = JSON.stringify(axes.map((values) => [...new Set<string>(values)].toSorted()));
  const hash = createHash('sha256').update(canonical).digest().subarray(0, HASH_BYTES);
  return HASH_VERSION + hash.toString('base64url');
}

/**
 * Throws a StreamError when the subscription has another filter: its members would skip events of each other. Offsets that an operator
 * has set with a tool of Kafka name no filter, and so fit any.
 */
export function checkFilter(committed: ReadonlyMap<number, CommittedOffset>, metadata: string): void {
  for (const { metadata: found } of committed.values()) {
    if (!found.startsWith(HASH_VERSION) || found === metadata) continue;
    throw new StreamError(
      'SUBSCRIPTION_FILTER_DIFFERS',
      'the subscription has another filter: all its streams must send the same one; delete it to begin with a new one',
    );
  }
}
