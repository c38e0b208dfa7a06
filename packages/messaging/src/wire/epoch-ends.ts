import { ByteReader } from './byte-reader.ts';
import type { WireRequest } from './wire-request.ts';

/** A reader's knowledge of one partition. */
export interface EpochQuestion {
  readonly partition: number;
  /** Of the leader that is asked; one of another epoch refuses. */
  readonly currentEpoch: number;
  /** In which everything was read so far. */
  readonly readEpoch: number;
}

export interface EpochEnd {
  readonly partition: number;
  readonly errorCode: number;
  /** Where what was written up to the epoch in question ends; undefined when the leader does not know. */
  readonly end: bigint | undefined;
}

/** Of a reader that is no broker. */
const NO_REPLICA = -1;
const UNKNOWN_END = -1n;
const FRAME_BYTES = 4 + 4 + 2 + 4;
const PARTITION_BYTES = 4 + 4 + 4;

/** OffsetForLeaderEpoch 3, which kafkajs lacks: asks the leader of all `questions` where the log of an epoch ends; one answer for each. */
export function epochEndsRequest(
  topic: string,
  questions: readonly EpochQuestion[],
): WireRequest<readonly EpochEnd[]> {
  const encode = () => Promise.resolve({ buffer: encodeQuestions(topic, questions) });
  return {
    request: { apiKey: 23, apiVersion: 3, apiName: 'OffsetForLeaderEpoch', encode },
    response: { decode: decodeEnds },
  };
}

function encodeQuestions(topic: string, questions: readonly EpochQuestion[]): Buffer {
  const nameBytes = Buffer.byteLength(topic);
  const body = Buffer.alloc(FRAME_BYTES + nameBytes + questions.length * PARTITION_BYTES);
  let at = body.writeInt32BE(NO_REPLICA, 0);
  at = body.writeInt32BE(1, at); // topics
  at = body.writeInt16BE(nameBytes, at);
  at += body.write(topic, at);
  at = body.writeInt32BE(questions.length, at);
  for (const { partition, currentEpoch, readEpoch } of questions) {
    at = body.writeInt32BE(partition, at);
    at = body.writeInt32BE(currentEpoch, at);
    at = body.writeInt32BE(readEpoch, at);
  }
  return body;
}

function decodeEnds(payload: Buffer): EpochEnd[] {
  const reader = new ByteReader(payload);
  reader.skip(4); // throttle time
  const ends: EpochEnd[] = [];
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    reader.nullableString(); // name: only one was asked for
    for (let partitions = reader.int32(); partitions > 0; partitions -= 1) {
      const errorCode = reader.int16();
      const partition = reader.int32();
      reader.skip(4); // the epoch that the answer is about
      const end = reader.int64();
      ends.push({ partition, errorCode, end: end === UNKNOWN_END ? undefined : end });
    }
  }
  return ends;
}
