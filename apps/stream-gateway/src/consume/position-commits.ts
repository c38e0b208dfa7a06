import { GroupMembershipLostError } from '@order-events/messaging';
import { settleWithin } from '@order-events/runtime';
import type { MemberProgress } from './member-progress.ts';
import type { Assignment, SubscriptionMember } from './subscription-member.ts';

export type CommitOutcome = 'stored' | 'failed' | 'membership lost';

export interface PositionCommitsOptions {
  readonly progress: MemberProgress;
  readonly member: Pick<SubscriptionMember, 'commit'>;
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
  const { progress, member, isAwaited, onOutcome, onChange } = options;
  let acknowledgedMessage = -1;
  let storedMessage = -1;
  let notBeforeMs = 0;
  let silentAtMs = performance.now() + SILENT_INTERVAL_MS;
  let inFlight: Promise<void> | undefined;

  const isBehind = () => acknowledgedMessage > storedMessage;

  async function commit(assignment: Assignment): Promise<void> {
    const offsets = progress.uncommitted();
    const upToMessage = acknowledgedMessage;
    notBeforeMs = performance.now() + MIN_INTERVAL_MS;
    silentAtMs = performance.now() + SILENT_INTERVAL_MS;
    try {
      if (offsets.size > 0) {
        await member.commit(assignment, offsets);
        onOutcome('stored');
      }
      // After a rebalance the offsets that came with it say what is stored.
      if (!assignment.over.aborted) progress.committed(offsets);
      storedMessage = upToMessage;
    } catch (error: unknown) {
      notBeforeMs = performance.now() + RETRY_MS;
      onOutcome(error instanceof GroupMembershipLostError ? 'membership lost' : 'failed', error);
    }
  }

  function startCommit(assignment: Assignment): Promise<void> {
    return (inFlight ??= commit(assignment).finally(() => {
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
    async flush(assignment) {
      const all = async () => {
        await inFlight;
        if (assignment) await startCommit(assignment);
      };
      await settleWithin(all(), FLUSH_DEADLINE_MS);
    },
  };
}
