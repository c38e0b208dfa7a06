import type { CompleteMark } from '@order-events/messaging';
import type { PartitionRun } from '../run/partition-run.ts';

/** Of those partitions that are known to be complete up to some time. */
export function completeMarks(runs: Iterable<PartitionRun>, partitionCount: number): CompleteMark[] {
  return Array.from(runs).flatMap(({ partition, complete }) => {
    const known = complete();
    return known ? [{ ...known, partition, partitionCount }] : [];
  });
}
