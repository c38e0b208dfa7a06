import { GroupMembershipLostError } from '@order-events/messaging';
import { settleWithin } from '@order-events/runtime';
import type { HeldOrders } from '../held/held-orders.ts';
import type { MemberProgress } from './member-progress.ts';
import type { Assignment, SubscriptionMember } from './subscription-member.ts';

export type CommitOutcome = 'stored' | 'failed' | 'membership lost';

export interface PositionCommitsOptions {
  readonly progress: MemberProgress;
  readonly member: Pick<SubscriptionMember, 'commit'>;
  readonly held: Pick<HeldOrders, 'mark' | 'unwrittenMessage'>;
  readonly onOutcome: (outcome: CommitOutcome, error?: unknown) => void;
  /** Whether other members wait for what there is to commit. */
  readonly isAwaited: () => boolean;
  /** A commit has ended. */
  readonly onChange: () => void;
}

/** Stores how far the client is: one commit at a time, which takes along all that was acknowledged until it began. */
export interface PositionCommits {
  /** Everything up to this message is to be stored. */
  acknowledged(messageNumber: number): void;
  /** The newest message up to which everything is stored; -1 before the first. */
  storedMessage(): number;
  /** Whether an acknowledgement is not stored yet. */
  isBehind(): boolean;
  /** Begins a commit if one is due. `assignment` is the one that `progress` was told of last, while it lasts. */
  begin(assignment: Assignment): void;
  /** When to begin, on the monotonic clock, unless something is acknowledged before. */
  dueAtMs(): number;
  /** Commits the position of the partition with its mark, whether they have changed or not. Rejects when that fails. */
  storeMark(assignment: Assignment, partition: number): Promise<void>;
  /** Commits what there is to commit and waits for it, in bounded time; `assignment` as for `begin`, also when it is just ending. */
  flush(assignment: Assignment | undefined): Promise<void>;
}

/** Acknowledgements that come faster share a commit. */
const MIN_INTERVAL_MS = 100;
/** Progress past events that were filtered out is stored this often. */
const SILENT_INTERVAL_MS = 5_000;
const RETRY_MS = 500;
const FLUSH_DEADLINE_MS = 1_000;

export function createPositionCommits(options: PositionCommitsOptions): PositionCommits {
  const { progress, member, held, isAwaited, onOutcome, onChange } = options;
  let acknowledgedMessage = -1;
  let storedMessage = -1;
  let notBeforeMs = 0;
  let silentAtMs = performance.now() + SILENT_INTERVAL_MS;
  let inFlight: Promise<Error | undefined> | undefined;

  /** Of the assignment, as far as this stream has committed them. */
  let marks: { readonly of: AbortSignal; readonly byPartition: Map<number, bigint> } | undefined;

  const isBehind = () => acknowledgedMessage > storedMessage;

  function marksOf({ marks: assigned, over }: Assignment): Map<number, bigint> {
    if (marks?.of !== over) marks = { of: over, byPartition: new Map(assigned) };
    return marks.byPartition;
  }

  /** What there is to commit; `always` as well when nothing of it has changed. */
  function toStore(assignment: Assignment, always: number | undefined) {
    const offsets = progress.uncommitted();
    const wanted = new Map<number, bigint>();
    for (const partition of progress.partitions()) {
      const mark = held.mark(partition);
      if (mark !== undefined) wanted.set(partition, mark);
      const isDifferent = mark !== marksOf(assignment).get(partition) || partition === always;
      const stored = progress.stored(partition);
      if (isDifferent && stored !== undefined && !offsets.has(partition)) offsets.set(partition, stored);
    }
    return { offsets, marks: wanted };
  }

  /** Answers why it has failed. */
  async function commit(assignment: Assignment, always?: number): Promise<Error | undefined> {
    // What is behind the position of a partition that something holds back is not stored.
    const upToMessage = progress.isHeldBack() ? storedMessage : acknowledgedMessage;
    const { offsets, marks: wanted } = toStore(assignment, always);
    notBeforeMs = performance.now() + MIN_INTERVAL_MS;
    silentAtMs = performance.now() + SILENT_INTERVAL_MS;
    try {
      if (offsets.size > 0) {
        await member.commit(assignment, offsets, wanted);
        onOutcome('stored');
      }
      // After a rebalance the offsets that came with it say what is stored.
      if (!assignment.over.aborted) {
        progress.committed(offsets);
        for (const partition of offsets.keys())
          setOrDelete(marksOf(assignment), partition, wanted.get(partition));
      }
      const unwritten = held.unwrittenMessage() ?? Number.POSITIVE_INFINITY;
      storedMessage = Math.max(storedMessage, Math.min(upToMessage, unwritten - 1));
      return undefined;
    } catch (error: unknown) {
      notBeforeMs = performance.now() + RETRY_MS;
      onOutcome(error instanceof GroupMembershipLostError ? 'membership lost' : 'failed', error);
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  function startCommit(assignment: Assignment, always?: number): Promise<Error | undefined> {
    return (inFlight ??= commit(assignment, always).finally(() => {
      inFlight = undefined;
      onChange();
    }));
  }

  return {
    acknowledged(messageNumber) {
      acknowledgedMessage = Math.max(acknowledgedMessage, messageNumber);
    },
    storedMessage: () => storedMessage,
    isBehind,
    begin(assignment) {
      const nowMs = performance.now();
      if (nowMs >= notBeforeMs && (isBehind() || nowMs >= silentAtMs || isAwaited()))
        void startCommit(assignment);
    },
    dueAtMs: () => (isBehind() || isAwaited() ? notBeforeMs : silentAtMs),
    async storeMark(assignment, partition) {
      // Its mark is that of the moment in which it begins.
      while (inFlight) await inFlight;
      const error = await startCommit(assignment, partition);
      if (error !== undefined) throw error;
    },
    async flush(assignment) {
      const all = async () => {
        await inFlight;
        if (assignment) await startCommit(assignment);
      };
      await settleWithin(all(), FLUSH_DEADLINE_MS);
    },
  };
}

function setOrDelete(map: Map<number, bigint>, partition: number, value: bigint | undefined): void {
  if (value === undefined) map.delete(partition);
  else map.set(partition, value);
}
