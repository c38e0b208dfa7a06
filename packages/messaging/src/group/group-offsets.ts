import type { AskCoordinator, Coordinators } from './coordinator-client.ts';
import { GroupHasMembersError, GroupNotFoundError } from './group-error.ts';
import { createSharedRounds } from '../read/shared-rounds.ts';
import type { TopicCluster } from '../cluster/topic-cluster.ts';
import { withDeadline } from '../cluster/with-deadline.ts';
import {
  type CommitMetadata,
  commitOffsetsRequest,
  type CommittedOffset,
  deleteGroupRequest,
  deleteOffsetsRequest,
  describeGroupRequest,
  fetchOffsetsRequest,
  type GroupClient,
  listGroupsRequest,
  OUTSIDE_THE_GROUP,
} from '../wire/group.ts';
import { isForeign } from '../wire/group-membership.ts';
import type { TopicMetadata } from '../wire/metadata.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

export interface GroupState {
  /** As Kafka's tools name it: Empty, Stable, PreparingRebalance, CompletingRebalance. */
  readonly state: string;
  /** How many there are of this package and of the topic. */
  readonly members: number;
  /** Those of other topics or of another kind. */
  readonly foreignClients: readonly GroupClient[];
}

/**
 * Offsets and state of consumer groups that this process has not joined. A call is tried again for a moment, on another broker when
 * one is away, and rejects after ten seconds at the latest.
 */
export interface GroupOffsets {
  /** Whose offsets these are: groups may have some of other topics, which are neither told nor touched. */
  readonly topic: string;
  /** What the group has committed, by partition of the topic; partitions without a commit are absent, as is all of an unknown group. */
  fetch(groupId: string, signal?: AbortSignal): Promise<Map<number, CommittedOffset>>;
  /**
   * Commits next offsets without being a member; a group that does not exist comes to be by it.
   * Rejects with a GroupHasMembersError while the group has members. Kafka takes any offset, also one that the log does not have.
   */
  commit(
    groupId: string,
    offsets: ReadonlyMap<number, bigint>,
    metadata: CommitMetadata,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Undefined when there is no such group. */
  describe(groupId: string, signal?: AbortSignal): Promise<GroupState | undefined>;
  /** All groups of all brokers, in no order, whether they have offsets of this topic or not. Calls share the answers, see LogReader. */
  list(signal?: AbortSignal): Promise<string[]>;
  /**
   * Forgets what the group has committed for the topic, and the group unless it has committed something for another one. Rejects with a
   * GroupHasMembersError, or with a GroupNotFoundError when it has nothing of the topic.
   */
  delete(groupId: string, signal?: AbortSignal): Promise<void>;
}

const DEADLINE_MS = 10_000;
/** A cluster may have thousands. */
const LIST_INTERVAL_MS = 100;
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
    topic: cluster.topic,
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
        const found = await withGroup(groupId, signal, (ask) => ask(describeGroupRequest(groupId)));
        const { state, clients } = found;
        if (state === NO_SUCH_GROUP) return undefined;
        if (isForeign(cluster.topic, found)) return { state, members: 0, foreignClients: clients };
        return { state, members: clients.length, foreignClients: [] };
      } catch (error) {
        if (error instanceof GroupNotFoundError) return undefined;
        throw error;
      }
    },

    list: createSharedRounds(
      () =>
        withDeadline(DEADLINE_MS, undefined, (inTime) =>
          cluster.withMetadata((metadata) => listGroups(cluster, metadata, inTime), inTime),
        ),
      LIST_INTERVAL_MS,
    ),

    delete: (groupId, signal) =>
      withGroup(groupId, signal, async (ask) => {
        const { offsets, hasOtherTopics } = await ask(fetchOffsetsRequest(groupId, cluster.topic));
        if (!hasOtherTopics) await ask(deleteGroupRequest(groupId));
        else if (offsets.size === 0) throw new GroupNotFoundError(groupId);
        else await ask(deleteOffsetsRequest(groupId, cluster.topic, [...offsets.keys()]));
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
    case ERROR_CODE.GROUP_SUBSCRIBED_TO_TOPIC:
      return new GroupHasMembersError(groupId, { cause: error });
    case ERROR_CODE.GROUP_ID_NOT_FOUND:
      return new GroupNotFoundError(groupId, { cause: error });
    default:
      return error;
  }
}
