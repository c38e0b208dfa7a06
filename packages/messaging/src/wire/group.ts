import Encoder from 'kafkajs/src/protocol/encoder.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { Coded, WireRequest } from './wire-request.ts';

/** What a group has committed for one partition. */
export interface CommittedOffset {
  /** Of the next record to process. */
  readonly offset: bigint;
  /** What was committed with it, up to 4096 characters. */
  readonly metadata: string;
}

/** Who commits: a member in a generation, or somebody outside the group, which then must have no members. */
export interface Committer {
  readonly memberId: string;
  readonly generationId: number;
}

export const OUTSIDE_THE_GROUP: Committer = { memberId: '', generationId: -1 };

const offsetFetch4 = requests.OffsetFetch.protocol({ version: 4 });
const offsetCommit5 = requests.OffsetCommit.protocol({ version: 5 });
const describeGroups2 = requests.DescribeGroups.protocol({ version: 2 });
const listGroups2 = requests.ListGroups.protocol({ version: 2 });
const NO_LIST = -1;
const deleteGroups1 = requests.DeleteGroups.protocol({ version: 1 });

/** All that the group has committed for the topic, in the order of the partitions; those without a commit are not in the answer. */
export function fetchOffsetsRequest(
  groupId: string,
  topic: string,
): WireRequest<Coded<{ offsets: Map<number, CommittedOffset> }>> {
  const { request, response } = offsetFetch4({ groupId, topics: [] });
  // No list of topics instead of an empty one: all topics. kafkajs can only send lists.
  const encode = () => Promise.resolve(new Encoder().writeString(groupId).writeInt32(NO_LIST));
  return mapAnswer({ request: { ...request, encode }, response }, (answer) => {
    const found = answer.responses.filter((each) => each.topic === topic).flatMap((each) => each.partitions);
    const committed = found
      .filter(({ offset }) => !offset.startsWith('-'))
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ partition, offset, metadata }): [number, CommittedOffset] => [
        partition,
        { offset: BigInt(offset), metadata: metadata ?? '' },
      ]);
    return { errorCode: firstError([answer, ...found]), offsets: new Map(committed) };
  });
}

/** The first error of a partition is that of the answer; others may have been committed then. */
export function commitOffsetsRequest(
  groupId: string,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
  metadata: string,
  { memberId, generationId }: Committer,
): WireRequest<Coded> {
  const partitions = Array.from(offsets, ([partition, offset]) => ({ partition, offset, metadata }));
  const wire = offsetCommit5({
    groupId,
    groupGenerationId: generationId,
    memberId,
    topics: [{ topic, partitions }],
  });
  return mapAnswer(wire, ({ responses }) => ({
    errorCode: firstError(responses.flatMap((response) => response.partitions)),
  }));
}

/** The state of a group that does not exist is `Dead`. */
export function describeGroupRequest(
  groupId: string,
): WireRequest<Coded<{ state: string; members: number }>> {
  return mapAnswer(describeGroups2({ groupIds: [groupId] }), ({ groups: [group] }) => {
    if (!group) throw new RangeError(`the broker answered nothing about group ${groupId}`);
    const { errorCode, state, members } = group;
    return { errorCode, state, members: members.length };
  });
}

/** The groups whose coordinator is the broker that is asked. */
export function listGroupsRequest(): WireRequest<Coded<{ groupIds: string[] }>> {
  return mapAnswer(listGroups2({}), ({ errorCode, groups }) => ({
    errorCode,
    groupIds: groups.map(({ groupId }) => groupId),
  }));
}

export function deleteGroupRequest(groupId: string): WireRequest<Coded> {
  return mapAnswer(deleteGroups1([groupId]), ({ results }) => ({ errorCode: firstError(results) }));
}

function firstError(coded: readonly Coded[]): number {
  return coded.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0;
}

function mapAnswer<From, To>(wire: WireRequest<From>, map: (answer: From) => To): WireRequest<To> {
  return {
    request: wire.request,
    response: { decode: async (payload) => map(await wire.response.decode(payload)) },
  };
}
