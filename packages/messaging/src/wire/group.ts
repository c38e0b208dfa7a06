import Encoder from 'kafkajs/src/protocol/encoder.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { ByteReader } from './byte-reader.ts';
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

/** Somebody in a group, as Kafka sees the client. */
export interface GroupClient {
  readonly clientId: string;
  /** Its address, as the broker writes it. */
  readonly host: string;
}

/** All that the group has committed for the topic, in the order of the partitions; those without a commit are not in the answer. */
export function fetchOffsetsRequest(
  groupId: string,
  topic: string,
): WireRequest<
  Coded<{
    readonly offsets: Map<number, CommittedOffset>;
    /** Whether it has committed something for another topic. */
    readonly hasOtherTopics: boolean;
  }>
> {
  const { request, response } = offsetFetch4({ groupId, topics: [] });
  // No list of topics instead of an empty one: all topics. kafkajs can only send lists.
  const encode = () => Promise.resolve(new Encoder().writeString(groupId).writeInt32(NO_LIST));
  return mapAnswer({ request: { ...request, encode }, response }, (answer) => {
    const isCommitted = ({ offset }: { readonly offset: string }) => !offset.startsWith('-');
    const isOther = (each: (typeof answer.responses)[number]) => each.topic !== topic;
    const found = answer.responses.filter((each) => !isOther(each)).flatMap((each) => each.partitions);
    const hasOtherTopics = answer.responses.some(
      (each) => isOther(each) && each.partitions.some(isCommitted),
    );
    const committed = found
      .filter(isCommitted)
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ partition, offset, metadata }): [number, CommittedOffset] => [
        partition,
        { offset: BigInt(offset), metadata: metadata ?? '' },
      ]);
    return { errorCode: firstError([answer, ...found]), offsets: new Map(committed), hasOtherTopics };
  });
}

/** The first error of a partition is that of the answer; others may have been committed then. */
/** What is stored beside the offsets of a commit: the same for all partitions, or of each its own. */
export type CommitMetadata = string | ((partition: number) => string);

export function commitOffsetsRequest(
  groupId: string,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
  metadata: CommitMetadata,
  { memberId, generationId }: Committer,
): WireRequest<Coded> {
  const metadataOf = typeof metadata === 'string' ? () => metadata : metadata;
  const partitions = Array.from(offsets, ([partition, offset]) => ({
    partition,
    offset,
    metadata: metadataOf(partition),
  }));
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

export interface GroupDescription {
  /** Of a group that does not exist: Dead. */
  readonly state: string;
  readonly protocolType: string;
  /** How its partitions are assigned; '' while that is being agreed upon. */
  readonly protocol: string;
  readonly clients: readonly GroupClient[];
}

export function describeGroupRequest(groupId: string): WireRequest<Coded<GroupDescription>> {
  return mapAnswer(describeGroups2({ groupIds: [groupId] }), ({ groups: [group] }) => {
    if (!group) throw new RangeError(`the broker answered nothing about group ${groupId}`);
    const { errorCode, state, protocolType, protocol, members } = group;
    const clients = members.map(({ clientId, clientHost }) => ({ clientId, host: clientHost }));
    return { errorCode, state, protocolType, protocol, clients };
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

/** Forgets offsets of one topic. Written by hand: kafkajs does not know it. */
export function deleteOffsetsRequest(
  groupId: string,
  topic: string,
  partitions: readonly number[],
): WireRequest<Coded> {
  const encode = async () => {
    const body = new Encoder().writeString(groupId).writeInt32(1).writeString(topic);
    body.writeInt32(partitions.length);
    for (const partition of partitions) body.writeInt32(partition);
    return body;
  };
  return {
    request: { apiKey: 47, apiVersion: 0, apiName: 'OffsetDelete', encode },
    response: {
      decode(payload) {
        const reader = new ByteReader(payload);
        const errorCodes = [reader.int16()];
        reader.skip(4); // throttle time
        for (let topics = reader.int32(); topics > 0; topics -= 1) {
          reader.nullableString();
          for (let rest = reader.int32(); rest > 0; rest -= 1) {
            reader.skip(4);
            errorCodes.push(reader.int16());
          }
        }
        return { errorCode: errorCodes.find((code) => code !== 0) ?? 0 };
      },
    },
  };
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
