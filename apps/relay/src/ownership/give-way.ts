import type { KafkaStanding, OwnershipView } from '@order-events/outbox';
import type { KafkaReach } from './kafka-reach.ts';

/**
 * Whether a relay leaves the partitions to others, because it does not reach Kafka and they do. Nothing moves while nobody reaches Kafka,
 * and nobody leaves the last one that counts; nor while one of the version before is alive, which does not know that it is to take more.
 */
export function givesWay(
  before: boolean,
  reach: KafkaReach,
  { relays, steady, untold }: Pick<OwnershipView, 'relays' | 'steady' | 'untold'>,
): boolean {
  if (relays === 1 || untold > 0) return false;
  return before ? reach !== 'steady' : reach === 'cut off' && steady > 0;
}

/** What the others are told. */
export function kafkaStanding(gaveWay: boolean, reach: KafkaReach): KafkaStanding {
  if (gaveWay) return 'gave way';
  return reach === 'steady' ? 'steady' : 'unsteady';
}
