import type { AskCoordinator, Coordinators } from './coordinator-client.ts';
import { GroupHasMembersError, GroupNotFoundError } from './group-error.ts';
import type { TopicCluster } from './topic-cluster.ts';
import { withDeadline } from './with-deadline.ts';
import {
  commitOffsetsRequest,
  type CommittedOffset,
  deleteGroupRequest,
  describeGroupRequest,
  fetchOffsetsRequest,
  listGroupsRequest,
  OUTSIDE_THE_GROUP,
} from './wire/group.ts';
import type { TopicMetadata } from './wire/metadata.ts';
import { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';

/**
 * Offsets and state of consumer groups that this process has not joined. A call is tried again for a moment, on another broker when
 * one is away, and rejects after ten seconds at the latest.
 */
export interface GroupOffsets {
  /** What the group has committed, by partition of the topic; partitions without a commit are absent, as is all of an unknown group. */
  fetch(groupId: string, signal?: AbortSignal): Promise<Map<number, CommittedOffset>>;
  /**
   * Commits next offsets without being a member, with the same metadata for all; a group that does not exist comes to be by it.
   * Rejects with a GroupHasMembersError while the group has members. Kafka takes any offset, also one that the log does not have.
   */
  commit(
    groupId: string,
    offsets: ReadonlyMap<number, bigint>,
    metadata: string,
    signal?: AbortSignal,
  ): Promise<void>;
  /** `state` as Kafka's tools name it: Empty, Stable, PreparingRebalance, CompletingRebalance. Undefined when there is no such group. */
  describe(groupId: string, signal?: AbortSignal): Promise<{ state: string; members: number } | undefined>;
  /** All groups of all brokers, in no order, whether they have offsets of this topic or not. */
  list(signal?: AbortSignal): Promise<string[]>;
  /** Forgets the group and its offsets. Rejects with a GroupHasMembersError or a GroupNotFoundError. */
  delete(groupId: string, signal?: AbortSignal): Promise<void>;
}

const DEADLINE_MS = 10_000;
const NO_SUCH_GROUP = 'Dead';

export function createGroupOffsets(cluster: TopicCluster, coordinators: Coordinators): GroupOffsets {
  function withGroup<T>(
    groupId: string,
    signal: AbortSignal | undefined,
    work: (ask: AskCoordinator) => Promise<T>,
  ): Promise<T> {
    return withDeadline(DEADLINE_MS, signal, (inTime) =>
      cluster.withMetadata(() => work(coordinators.ask(groupId, inTime)), inTime),
    ).catch((error: unknown) => {
      throw groupError(groupId, error);
    });
  }

  return {
    fetch: (groupId, signal) =>
      withGroup(groupId, signal, async (ask) => {
        const { offsets } = await ask(fetchOffsetsRequest(groupId, cluster.topic));
        return offsets;
      }),

    commit: (groupId, offsets, metadata, signal) =>
      withGroup(groupId, signal, async (ask) => {
        await ask(commitOffsetsRequest(groupId, cluster.topic, offsets, metadata, OUTSIDE_THE_GROUP));
      }),

    async describe(groupId, signal) {
      try {
        const { state, members } = await withGroup(groupId, signal, (ask) =>
          ask(describeGroupRequest(groupId)),
        );
        return state === NO_SUCH_GROUP ? undefined : { state, members };
      } catch (error) {
        if (error instanceof GroupNotFoundError) return undefined;
        throw error;
      }
    },

    list: (signal) =>
      withDeadline(DEADLINE_MS, signal, (inTime) =>
        cluster.withMetadata((metadata) => listGroups(cluster, metadata, inTime), inTime),
      ),

    delete: (groupId, signal) =>
      withGroup(groupId, signal, async (ask) => {
        await ask(deleteGroupRequest(groupId));
      }),
  };
}

/** Each broker knows the groups that it is the coordinator of. */
async function listGroups(
  cluster: TopicCluster,
  { brokers }: TopicMetadata,
  signal: AbortSignal,
): Promise<string[]> {
  const lists = await Promise.all(
    Array.from(brokers.values(), async (address) => {
      const connection = await cluster.connection(address, signal);
      const { errorCode, groupIds } = await connection.send(listGroupsRequest(), signal);
      if (errorCode !== 0) throw new KafkaProtocolError(errorCode, 'ListGroups');
      return groupIds;
    }),
  );
  return lists.flat();
}

function groupError(groupId: string, error: unknown): unknown {
  if (!(error instanceof KafkaProtocolError)) return error;
  switch (error.code) {
    // What a commit from outside is answered while there are members.
    case ERROR_CODE.UNKNOWN_MEMBER_ID:
    case ERROR_CODE.ILLEGAL_GENERATION:
    case ERROR_CODE.REBALANCE_IN_PROGRESS:
    case ERROR_CODE.NON_EMPTY_GROUP:
      return new GroupHasMembersError(groupId, { cause: error });
    case ERROR_CODE.GROUP_ID_NOT_FOUND:
      return new GroupNotFoundError(groupId, { cause: error });
    default:
      return error;
  }
}
