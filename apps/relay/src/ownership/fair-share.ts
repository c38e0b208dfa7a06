import type { OwnershipView } from '@order-events/outbox';

/**
 * How many partitions a relay should own. The shares of all relays add up to the partitions there are, and differ by at most one:
 * the remainder goes to the first relays by id. It depends on nothing but who lives, so relays that see the same tables agree, and
 * nothing moves back and forth.
 */
export function fairShare({ available, relays, rank }: OwnershipView): number {
  return Math.floor(available / relays) + (rank < available % relays ? 1 : 0);
}
