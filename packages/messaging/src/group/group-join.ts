import { GroupHasForeignMembersError } from './group-error.ts';
import type { GroupGeneration } from './group-generation.ts';
import { assignPartitions } from './partition-assignment.ts';
import { pause } from '../cluster/retry-pause.ts';
import type { TopicCluster } from '../cluster/topic-cluster.ts';
import { withDeadline } from '../cluster/with-deadline.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import { type CommittedOffset, describeGroupRequest, fetchOffsetsRequest } from '../wire/group.ts';
import { isForeign, type JoinAnswer, joinGroupRequest, syncGroupRequest } from '../wire/group-membership.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** What a member takes from one generation into the next. */
export interface Membership {
  /** '' until Kafka has given one. */
  memberId: string;
  /** Partitions of the generation before: it gets them again as far as its share allows. */
  held: readonly number[];
}

export interface JoinedGroup {
  readonly assigned: Pick<
    GroupGeneration,
    'memberId' | 'generationId' | 'isLeader' | 'partitions' | 'partitionCount'
  >;
  readonly committed: ReadonlyMap<number, CommittedOffset>;
  /** When the last request of the join was sent, by performance.now(). */
  readonly sentAtMs: number;
}

export interface JoinOptions {
  readonly cluster: TopicCluster;
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

const METADATA_DEADLINE_MS = 5_000;
const OFFSETS_DEADLINE_MS = 5_000;
const DESCRIBE_DEADLINE_MS = 5_000;
const RETRY_MS = 100;
/** A join that is overtaken by another rebalance is repeated; more often than so it is left to the caller to wait first. */
const MAX_ATTEMPTS = 5;

/**
 * Joins the group on a connection to its coordinator, which answers nothing else meanwhile, and learns what to go on from. Changes
 * `membership` with the first answer that says so. Rejects with a GroupHasForeignMembersError, a KafkaProtocolError or as the
 * connection does.
 */
export async function joinGroup(
  connection: BrokerConnection,
  options: JoinOptions,
  membership: Membership,
  signal: AbortSignal,
): Promise<JoinedGroup> {
  const { groupId, cluster } = options;
  let refused = 0;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const request = joinGroupRequest({ ...options, ...membership, topic: cluster.topic });
    const joined = await connection.send(request, signal);
    refused = joined.errorCode;
    if (refused === 0 || refused === ERROR_CODE.MEMBER_ID_REQUIRED) membership.memberId = joined.memberId;
    if (refused === 0) {
      // It would have a share of the events, and nobody would miss them.
      if (joined.isAssignedByKafka) throw new GroupHasForeignMembersError(groupId, []);
      const { assignments, partitionCount } = await assignAsLeader(joined, cluster, signal);
      const sentAtMs = performance.now();
      const sync = syncGroupRequest(groupId, cluster.topic, joined, assignments);
      const { errorCode, partitions } = await connection.send(sync, signal);
      if (errorCode === 0) {
        const committed = await committedOffsets(connection, options, partitions, signal);
        const { memberId, generationId } = joined;
        const isLeader = assignments.size > 0;
        return {
          assigned: { memberId, generationId, isLeader, partitions, partitionCount },
          committed,
          sentAtMs,
        };
      }
      refused = errorCode;
    }
    if (refused === ERROR_CODE.INCONSISTENT_GROUP_PROTOCOL) {
      await throwIfForeign(connection, options, attempt === MAX_ATTEMPTS, signal);
      await pause(RETRY_MS, signal);
    } else if (!isOvertaken(refused, membership)) break;
  }
  throw new KafkaProtocolError(refused, `joining consumer group ${groupId}`, 'Read on the group');
}

/** Throws a GroupHasForeignMembersError that names them. Those who have refused this member may have left again. */
async function throwIfForeign(
  connection: BrokerConnection,
  { groupId, cluster }: JoinOptions,
  isLastAttempt: boolean,
  signal: AbortSignal,
): Promise<void> {
  const description = await withDeadline(DESCRIBE_DEADLINE_MS, signal, (inTime) =>
    connection.send(describeGroupRequest(groupId), inTime),
  );
  if (isLastAttempt || isForeign(cluster.topic, description)) {
    throw new GroupHasForeignMembersError(groupId, description.clients);
  }
}

/** Whether the answer means that the join is to be repeated. */
export function isOvertaken(errorCode: number, membership: Membership): boolean {
  switch (errorCode) {
    case ERROR_CODE.UNKNOWN_MEMBER_ID:
      // Kafka has given this member up, and its partitions to others.
      membership.memberId = '';
      membership.held = [];
      return true;
    case ERROR_CODE.MEMBER_ID_REQUIRED:
    case ERROR_CODE.ILLEGAL_GENERATION:
    case ERROR_CODE.REBALANCE_IN_PROGRESS:
      return true;
    default:
      return false;
  }
}

/** Nothing is assigned by others than the leader. */
async function assignAsLeader(
  { members }: JoinAnswer,
  cluster: TopicCluster,
  signal: AbortSignal,
): Promise<{ assignments: ReadonlyMap<string, readonly number[]>; partitionCount: number }> {
  if (members.length === 0) return { assignments: new Map(), partitionCount: 0 };
  const { leaders } = await withDeadline(METADATA_DEADLINE_MS, signal, (inTime) => cluster.refresh(inTime));
  return { assignments: assignPartitions(members, leaders.length), partitionCount: leaders.length };
}

async function committedOffsets(
  connection: BrokerConnection,
  { groupId, cluster }: JoinOptions,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, CommittedOffset>> {
  const request = fetchOffsetsRequest(groupId, cluster.topic);
  const { errorCode, offsets } = await withDeadline(OFFSETS_DEADLINE_MS, signal, (inTime) =>
    connection.send(request, inTime),
  );
  if (errorCode !== 0) throw new KafkaProtocolError(errorCode, `offsets of consumer group ${groupId}`);
  return new Map([...offsets].filter(([partition]) => partitions.includes(partition)));
}
