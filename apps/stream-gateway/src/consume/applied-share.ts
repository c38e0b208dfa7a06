import type { HeldOrders } from '../held/held-orders.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import type { MemberProgress } from './member-progress.ts';
import type { MemberReader } from './member-reader.ts';
import type { PositionCommits } from './position-commits.ts';
import type { Assignment, SubscriptionMember } from './subscription-member.ts';

interface SharedParts {
  readonly watch: RegisteredWatch;
  readonly member: Pick<SubscriptionMember, 'assignment'>;
  readonly progress: Pick<MemberProgress, 'assign' | 'extend' | 'partitions'>;
  readonly held: HeldOrders;
  readonly reader: Pick<MemberReader, 'reassigned'>;
  readonly commits: Pick<PositionCommits, 'dueAtMs'>;
}

/** A rebalance takes a few milliseconds; a client need not know of it. */
const UNASSIGNED_UNTOLD_MS = 1_000;

/** The share of a stream as its parts know it. */
export function createAppliedShare({ watch, member, progress, held, reader, commits }: SharedParts) {
  let toldPartitions: string | undefined;
  let applied: Assignment | undefined;
  let unassignedAtMs: number | undefined;

  function update(): readonly number[] | undefined {
    const assignment = member.assignment();
    if (!assignment) return unassigned();
    if (assignment === applied) return undefined;
    // Of one assignment only the partitions whose places were open are new.
    if (assignment.over === applied?.over) {
      progress.extend(assignment.committed);
      held.extend(assignment.marks);
    } else {
      progress.assign(assignment.committed, new Set([...held.touched(), ...assignment.marks.keys()]));
      held.assign(assignment.marks, assignment.over);
    }
    applied = assignment;
    unassignedAtMs = undefined;
    reader.reassigned();
    return toTell(progress.partitions());
  }

  function unassigned(): readonly number[] | undefined {
    applied = undefined;
    watch.state = 'waiting';
    const nowMs = performance.now();
    unassignedAtMs ??= nowMs;
    const isTold = toldPartitions === undefined || nowMs < unassignedAtMs + UNASSIGNED_UNTOLD_MS;
    return isTold ? undefined : toTell([]);
  }

  /** The client is told when its share is another one, not of each rebalance. */
  function toTell(partitions: readonly number[]): readonly number[] | undefined {
    if (toldPartitions === partitions.join()) return undefined;
    toldPartitions = partitions.join();
    return partitions;
  }

  return {
    /** Tells the parts of what has changed. Answers the partitions when the client is to be told of them. */
    update,
    /** The assignment that the parts know. */
    applied: () => applied,
    /** When there is something to do, on the monotonic clock; times in the past say nothing. */
    timesMs: () => [
      (unassignedAtMs ?? 0) + UNASSIGNED_UNTOLD_MS,
      applied ? commits.dueAtMs() : 0,
      applied ? held.dueAtMs() : 0,
    ],
  };
}
