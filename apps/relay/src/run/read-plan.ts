import type { Cursor, CursorGroup } from '@order-events/outbox';
import type { PartitionRun } from './partition-run.ts';

/** What is read in one branch of the query: partitions that stand at the same cursor, each with its own object of it. */
export interface PartitionRead {
  readonly group: CursorGroup;
  readonly members: readonly { readonly run: PartitionRun; readonly readFrom: Cursor }[];
}

/**
 * Payload that is read ahead, over all partitions: above it nothing is read. Enough for a full request on its way and another one
 * behind it; more would only be copied about by the garbage collector.
 */
const MAX_QUEUED_BYTES = 6 * 1024 * 1024;
/** And of one partition, so that one that publishes slowly does not take all of it. */
const MAX_PARTITION_QUEUED_BYTES = 1024 * 1024;
/** Each branch of a query may answer with a whole page. */
const MAX_GROUPS = 4;

/**
 * Chooses what to read next: nothing while enough waits to be published, else for every partition with room. Partitions that are
 * far behind one another have branches of their own; when there are more than a few, those that were left out come first next time,
 * because only what is read moves on.
 */
export function nextReads(runs: readonly PartitionRun[], keyOf: (cursor: Cursor) => string): PartitionRead[] {
  const queuedBytes = runs.reduce((sum, run) => sum + run.queuedBytes(), 0);
  if (queuedBytes >= MAX_QUEUED_BYTES) return [];
  const members = runs.flatMap((run) => {
    const readFrom = run.queuedBytes() < MAX_PARTITION_QUEUED_BYTES ? run.readFrom() : undefined;
    return readFrom ? [{ run, readFrom }] : [];
  });
  const groups = [...Map.groupBy(members, ({ readFrom }) => keyOf(readFrom)).values()];
  const offset = groups.length > MAX_GROUPS ? Math.floor(Math.random() * groups.length) : 0;
  return [...groups.slice(offset), ...groups.slice(0, offset)].slice(0, MAX_GROUPS).flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    return [
      {
        group: { cursor: first.readFrom, partitions: group.map(({ run }) => run.partition) },
        members: group,
      },
    ];
  });
}
