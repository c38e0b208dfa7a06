import Encoder from 'kafkajs/src/protocol/encoder.js';
import type { BrokerAddress } from './broker-address.ts';
import { ByteReader, skipTags } from './byte-reader.ts';
import { KafkaProtocolError } from './protocol-error.ts';
import type { WireRequest } from './wire-request.ts';

export interface TopicMetadata {
  /** Of the cluster that the broker belongs to. */
  readonly clusterId: string;
  /** Kafka's id of the topic, as its tools print it; a topic created again under the same name has another one. */
  readonly topicId: string;
  /** Brokers that are alive, by node id. */
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  /** Node id of each partition's leader, by partition; -1 when it has none at present. */
  readonly leaders: readonly number[];
  /** How often the leader of each partition was chosen, by partition: what was read in one epoch may not be there in another. */
  readonly leaderEpochs: readonly number[];
  /** Replicas of the partition that has the fewest. */
  readonly replicationFactor: number;
}

/**
 * Metadata of one topic. Version 12 by hand: it is the first to carry the topic id in a lookup by name, and kafkajs ends at 6.
 * The topic is not created by asking. The answer is a KafkaProtocolError when there is no such topic.
 */
export function metadataRequest(topic: string): WireRequest<TopicMetadata> {
  return {
    request: {
      apiKey: 3,
      apiVersion: 12,
      apiName: 'Metadata',
      encode: () =>
        Promise.resolve(
          new Encoder()
            .writeUVarInt(0) // tags of the request header, which is a flexible one in this version
            .writeUVarInt(2) // one topic: compact arrays carry their length plus one
            .writeBuffer(Buffer.alloc(16)) // no topic id: look up by name
            .writeUVarIntString(topic)
            .writeUVarInt(0)
            .writeBoolean(false) // create the topic
            .writeBoolean(false) // topic authorisations
            .writeUVarInt(0),
        ),
    },
    response: { decode: (payload) => decodeMetadata(payload, topic) },
  };
}

function decodeMetadata(payload: Buffer, topic: string): TopicMetadata {
  const reader = new ByteReader(payload);
  skipTags(reader);
  reader.skip(4); // throttle time
  const brokers = new Map(compactArray(reader, readBroker));
  const clusterId = reader.compactString() ?? '';
  reader.skip(4); // controller id
  const [found] = compactArray(reader, readTopic);
  if (!found) throw new Error(`the broker answered nothing about topic ${topic}`);
  if (found.errorCode !== 0) throw new KafkaProtocolError(found.errorCode, `topic ${topic}`);
  const { topicId, leaders, leaderEpochs, replicationFactor } = found;
  return { clusterId, topicId, brokers, leaders, leaderEpochs, replicationFactor };
}

function readBroker(reader: ByteReader): [number, BrokerAddress] {
  const nodeId = reader.int32();
  const host = reader.compactString() ?? '';
  const port = reader.int32();
  reader.compactString(); // rack
  skipTags(reader);
  return [nodeId, { host, port }];
}

function readTopic(reader: ByteReader): {
  errorCode: number;
  topicId: string;
  leaders: number[];
  leaderEpochs: number[];
  replicationFactor: number;
} {
  const errorCode = reader.int16();
  reader.compactString(); // name
  const topicId = reader.bytes(16).toString('base64url');
  reader.skip(1); // is internal
  const leaders: number[] = [];
  const leaderEpochs: number[] = [];
  let replicationFactor = Number.POSITIVE_INFINITY;
  compactArray(reader, (partition) => {
    partition.skip(2); // error code: a partition in trouble has leader -1
    const index = partition.int32();
    leaders[index] = partition.int32();
    leaderEpochs[index] = partition.int32();
    replicationFactor = Math.min(replicationFactor, readNodes(partition).length);
    for (let list = 0; list < 2; list += 1) readNodes(partition); // in sync, offline
    skipTags(partition);
  });
  reader.skip(4); // authorisations
  skipTags(reader);
  return { errorCode, topicId, leaders, leaderEpochs, replicationFactor };
}

function readNodes(reader: ByteReader): number[] {
  return compactArray(reader, (node) => node.int32());
}

function compactArray<T>(reader: ByteReader, readElement: (reader: ByteReader) => T): T[] {
  const elements: T[] = [];
  for (let left = reader.unsignedVarint() - 1; left > 0; left -= 1) elements.push(readElement(reader));
  return elements;
}
