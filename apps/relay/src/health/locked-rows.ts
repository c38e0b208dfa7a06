import type { Finding } from '@order-events/outbox';

/** Partitions whose leases have run out, because somebody has locked their rows. */
export function lockedRows(partitions: readonly number[]): Finding[] {
  if (partitions.length === 0) return [];
  const rows = partitions.length === 1 ? 'row of partition' : 'rows of partitions';
  const text = `the ${rows} ${partitions.join(', ')} is locked in relay_partition: no lease can be renewed or taken there`;
  return [{ name: 'locked-row', severity: 'fault', text, partitions }];
}
