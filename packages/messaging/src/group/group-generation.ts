import { GroupMembershipLostError } from './group-error.ts';
import type { Committer } from '../wire/group.ts';

/** The time in which a member has certain partitions: from its assignment to the next rebalance, or to the loss of its session. */
export interface GroupGeneration extends Committer {
  readonly isLeader: boolean;
  readonly partitions: readonly number[];
  /** Of the topic when they were assigned. Only the leader knows. */
  readonly partitionCount: number;
  /** Aborts with a GroupMembershipLostError, when it is ended or Kafka has not heard of the member for a whole session. */
  readonly over: AbortSignal;
  /** Kafka has answered something that was sent at this time of performance.now(). */
  renew(sentAtMs: number): void;
  end(): void;
}

/**
 * The session is counted from when the last answered request was sent: by the time that Kafka gives the partitions to others, this
 * end knows that it has lost them, unless the whole process stood still.
 */
export function startGeneration(
  groupId: string,
  assigned: Committer & Pick<GroupGeneration, 'isLeader' | 'partitions' | 'partitionCount'>,
  session: { readonly timeoutMs: number; readonly sentAtMs: number },
): GroupGeneration {
  const over = new AbortController();
  const end = () => {
    clearTimeout(timer);
    over.abort(new GroupMembershipLostError(groupId));
  };
  const leftMs = (sentAtMs: number) => Math.max(0, sentAtMs + session.timeoutMs - performance.now());
  let timer = setTimeout(end, leftMs(session.sentAtMs));
  return {
    ...assigned,
    over: over.signal,
    renew(sentAtMs) {
      if (over.signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(end, leftMs(sentAtMs));
    },
    end,
  };
}
