import kafkajs from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { ByteReader } from './byte-reader.ts';
import type { Committer, GroupDescription } from './group.ts';
import type { Coded, WireRequest } from './wire-request.ts';

/** A member as the leader of the group sees it. */
export interface GroupMemberClaim {
  readonly memberId: string;
  /** Partitions that it had in the generation before. */
  readonly held: readonly number[];
}

export interface JoinAnswer extends Coded {
  readonly memberId: string;
  readonly generationId: number;
  /** Whether Kafka assigns the partitions by itself: a consumer of the newer protocol is in the group. */
  readonly isAssignedByKafka: boolean;
  /** All members for the leader, who assigns the partitions; none for the others. */
  readonly members: readonly GroupMemberClaim[];
}

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

const joinGroup5 = requests.JoinGroup.protocol({ version: 5 });
const syncGroup3 = requests.SyncGroup.protocol({ version: 3 });
const heartbeat3 = requests.Heartbeat.protocol({ version: 3 });
const leaveGroup3 = requests.LeaveGroup.protocol({ version: 3 });

/** With it Kafka's tools can read topics and assignments of the members. */
const PROTOCOL_TYPE = 'consumer';
/**
 * Kafka lets only members into a group that have a way of assigning in common. The topic is part of its name: the leader knows the
 * partitions of one topic, and members of another would get none, without a word.
 */
const assignmentProtocol = (topic: string) => `even-sticky.${topic}`;
const METADATA_VERSION = 0;
const INT32_BYTES = 4;

/** Answered when all members have joined, or those that have not are given up. */
export function joinGroupRequest(join: {
  readonly groupId: string;
  readonly topic: string;
  /** '' for a new member: the answer is MEMBER_ID_REQUIRED then, with the id to join with. */
  readonly memberId: string;
  readonly held: readonly number[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}): WireRequest<JoinAnswer> {
  const metadata = MemberMetadata.encode({
    version: METADATA_VERSION,
    topics: [join.topic],
    userData: encodePartitions(join.held),
  });
  const { request, response } = joinGroup5({
    groupId: join.groupId,
    sessionTimeout: join.sessionTimeoutMs,
    rebalanceTimeout: join.rebalanceTimeoutMs,
    memberId: join.memberId,
    protocolType: PROTOCOL_TYPE,
    groupProtocols: [{ name: assignmentProtocol(join.topic), metadata }],
  });
  return {
    request,
    response: {
      async decode(payload) {
        const { errorCode, memberId, generationId, leaderId, members } = await response.decode(payload);
        const claims = members.map((member) => ({
          memberId: member.memberId,
          held: decodePartitions(MemberMetadata.decode(member.memberMetadata)?.userData),
        }));
        return { errorCode, memberId, generationId, isAssignedByKafka: leaderId === '', members: claims };
      },
    },
  };
}

/** Answered with the partitions of this member once the leader has sent those of all members. */
export function syncGroupRequest(
  groupId: string,
  topic: string,
  { memberId, generationId }: Committer,
  assignments: ReadonlyMap<string, readonly number[]>,
): WireRequest<Coded<{ partitions: readonly number[] }>> {
  const groupAssignment = Array.from(assignments, ([id, partitions]) => ({
    memberId: id,
    memberAssignment: MemberAssignment.encode({
      version: METADATA_VERSION,
      assignment: { [topic]: [...partitions] },
      userData: Buffer.alloc(0),
    }),
  }));
  const { request, response } = syncGroup3({ groupId, generationId, memberId, groupAssignment });
  return {
    request,
    response: {
      async decode(payload) {
        const { errorCode, memberAssignment } = await response.decode(payload);
        const partitions = MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [];
        return { errorCode, partitions };
      },
    },
  };
}

export function heartbeatRequest(groupId: string, { memberId, generationId }: Committer): WireRequest<Coded> {
  return heartbeat3({ groupId, memberId, groupGenerationId: generationId, groupInstanceId: null });
}

export function leaveGroupRequest(groupId: string, memberId: string): WireRequest<Coded> {
  return leaveGroup3({ groupId, memberId });
}

/**
 * Whether the members of a group are such members of another topic, or clients of another kind: Kafka lets either the one or the other
 * in. While a group is rebalancing its protocol is not known, and no member of it is called foreign.
 */
export function isForeign(topic: string, { protocolType, protocol, clients }: GroupDescription): boolean {
  if (clients.length === 0) return false;
  return protocolType !== PROTOCOL_TYPE || (protocol !== '' && protocol !== assignmentProtocol(topic));
}

function encodePartitions(partitions: readonly number[]): Buffer {
  const encoder = new Encoder();
  for (const partition of partitions) encoder.writeInt32(partition);
  return encoder.buffer;
}

function decodePartitions(bytes: Buffer | undefined): number[] {
  const reader = new ByteReader(bytes ?? Buffer.alloc(0));
  const partitions: number[] = [];
  while (reader.remaining >= INT32_BYTES) partitions.push(reader.int32());
  return partitions;
}
