import type { Finding } from '@order-events/outbox';

/** What a relay has to say that leaves its partitions to others, because it does not reach Kafka. */
export function cutOffFindings(gaveWay: boolean): Finding[] {
  const text =
    'a relay does not reach Kafka, and has given its partitions to those that do; it takes its share again by itself';
  return gaveWay ? [{ name: 'cut-off', severity: 'fault', text, partitions: [] }] : [];
}
