import { GroupMembershipLostError } from './group-error.ts';
import type { GroupGeneration } from './group-generation.ts';
import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import { isTransient } from '../cluster/topic-cluster.ts';
import { type BrokerConnection, BrokerConnectionError } from '../wire/broker-connection.ts';
import { type CommitMetadata, commitOffsetsRequest } from '../wire/group.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** Longer than a broker takes to start again. While the coordinator cannot be reached, the end of the session ends it as well. */
const DEADLINE_MS = 30_000;

const GENERATION_OVER: ReadonlySet<number> = new Set([
  ERROR_CODE.ILLEGAL_GENERATION,
  ERROR_CODE.UNKNOWN_MEMBER_ID,
  ERROR_CODE.REBALANCE_IN_PROGRESS,
]);

export interface GroupCommit {
  readonly groupId: string;
  readonly topic: string;
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly metadata: CommitMetadata;
  /** Whether the partitions may be those of other members. Kafka does not look. */
  readonly ofOthers?: boolean;
}

/**
 * Commits in one generation and in no other, on the connection that the member has at the time. Ends the generation when Kafka says
 * that it is over. Rejects as GroupMember.commit does.
 */
export async function commitInGeneration(
  wanted: GroupCommit,
  generation: GroupGeneration | undefined,
  connection: () => BrokerConnection | undefined,
): Promise<void> {
  const isHeld = (partition: number) => wanted.ofOthers || generation?.partitions.includes(partition);
  if (!generation || ![...wanted.offsets.keys()].every(isHeld))
    throw new GroupMembershipLostError(wanted.groupId);
  const retry = createRetryPause(RETRY.group);
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await commitOnce(wanted, generation, connection());
    } catch (error) {
      generation.over.throwIfAborted();
      if (!isTransient(error) || performance.now() > deadlineMs) throw error;
    }
    await retry.wait(generation.over);
  }
}

async function commitOnce(
  { groupId, topic, offsets, metadata }: GroupCommit,
  generation: GroupGeneration,
  connection: BrokerConnection | undefined,
): Promise<void> {
  generation.over.throwIfAborted();
  if (!connection) throw new BrokerConnectionError(`the coordinator of consumer group ${groupId} is away`);
  const request = commitOffsetsRequest(groupId, topic, offsets, metadata, generation);
  const { errorCode } = await connection.send(request, generation.over);
  if (GENERATION_OVER.has(errorCode)) generation.end();
  if (errorCode !== 0)
    throw new KafkaProtocolError(errorCode, `commit of consumer group ${groupId}`, 'Read on the group');
}
