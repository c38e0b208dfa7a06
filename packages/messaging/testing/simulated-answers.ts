import { ByteReader } from '../src/wire/byte-reader.ts';

// The bytes of the requests that a reader of a log makes, and of their answers, in the versions that this package speaks.

export interface ListedPartition {
  readonly partition: number;
  readonly timestamp: number;
}

export interface FetchedPosition {
  readonly partition: number;
  /** -1: of any. */
  readonly leaderEpoch: number;
  readonly offset: number;
}

export interface OffsetAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly offset: number;
}

export interface LeaderAnswer {
  readonly leader: number;
  readonly epoch: number;
}

export interface AskedEpoch {
  readonly partition: number;
  readonly currentEpoch: number;
  readonly readEpoch: number;
}

export interface EpochAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly end: number;
}

export interface FetchAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  readonly batches: readonly Buffer[];
}

const int8 = (value: number) => Buffer.from([value & 0xff]);
const int16 = (value: number) => Buffer.from([(value >> 8) & 0xff, value & 0xff]);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)]);
/** Shorter than 127: its length takes one byte. */
const compact = (value: string) => Buffer.concat([int8(value.length + 1), Buffer.from(value)]);
const list = (elements: readonly Buffer[]) => Buffer.concat([int32(elements.length), ...elements]);
const compactList = (elements: readonly Buffer[]) => Buffer.concat([int8(elements.length + 1), ...elements]);
const TAGS = int8(0);

function readList<T>(reader: ByteReader, read: () => T): T[] {
  return Array.from({ length: reader.int32() }, read);
}

export function readListOffsets(body: Buffer): ListedPartition[] {
  const reader = new ByteReader(body);
  reader.skip(4 + 1); // replica, isolation
  return readList(reader, () => {
    reader.nullableString();
    return readList(reader, () => ({ partition: reader.int32(), timestamp: Number(reader.int64()) }));
  }).flat();
}

export function encodeOffsets(topic: string, answers: readonly OffsetAnswer[]): Buffer {
  const partitions = answers.map(({ partition, errorCode, offset }) =>
    Buffer.concat([int32(partition), int16(errorCode), int64(-1), int64(offset)]),
  );
  return Buffer.concat([int32(0), list([Buffer.concat([text(topic), list(partitions)])])]);
}

export function readAskedEpochs(body: Buffer): AskedEpoch[] {
  const reader = new ByteReader(body);
  reader.skip(4); // replica
  return readList(reader, () => {
    reader.nullableString();
    return readList(reader, () => ({
      partition: reader.int32(),
      currentEpoch: reader.int32(),
      readEpoch: reader.int32(),
    }));
  }).flat();
}

export function encodeEpochEnds(topic: string, answers: readonly EpochAnswer[]): Buffer {
  const partitions = answers.map(({ partition, errorCode, end }) =>
    Buffer.concat([int16(errorCode), int32(partition), int32(0), int64(end)]),
  );
  return Buffer.concat([int32(0), list([Buffer.concat([text(topic), list(partitions)])])]);
}

export function readFetch(body: Buffer): { maxWaitMs: number; positions: FetchedPosition[] } {
  const reader = new ByteReader(body);
  reader.skip(4); // replica
  const maxWaitMs = reader.int32();
  reader.skip(4 + 4 + 1 + 4 + 4); // bounds, isolation, session
  const positions = readList(reader, () => {
    reader.nullableString();
    return readList(reader, () => {
      const partition = reader.int32();
      const leaderEpoch = reader.int32();
      const offset = Number(reader.int64());
      reader.skip(8 + 4); // log start, bound
      return { partition, leaderEpoch, offset };
    });
  }).flat();
  return { maxWaitMs, positions };
}

export function encodeFetched(topic: string, answers: readonly FetchAnswer[]): Buffer {
  const partitions = answers.map((answer) => {
    const data = Buffer.concat(answer.batches);
    return Buffer.concat([
      int32(answer.partition),
      int16(answer.errorCode),
      int64(answer.highWatermark),
      int64(answer.highWatermark), // last stable offset
      int64(answer.logStartOffset),
      int32(0), // aborted transactions
      int32(-1), // preferred replica
      int32(data.length),
      data,
    ]);
  });
  const topics = list([Buffer.concat([text(topic), list(partitions)])]);
  return Buffer.concat([int32(0), int16(0), int32(0), topics]);
}

export function encodeMetadata(
  topic: string,
  nodes: number,
  found: { readonly id: string; readonly leaders: readonly LeaderAnswer[] } | undefined,
): Buffer {
  const brokers = Array.from({ length: nodes }, (_, node) =>
    Buffer.concat([int32(node), compact('broker'), int32(node + 1), int8(0), TAGS]),
  );
  const replicas = compactList([int32(0)]);
  const partitions = (found?.leaders ?? []).map(({ leader, epoch }, index) =>
    Buffer.concat([
      int16(0),
      int32(index),
      int32(leader),
      int32(epoch),
      replicas,
      replicas,
      compactList([]),
      TAGS,
    ]),
  );
  const described = Buffer.concat([
    int16(found ? 0 : 3),
    compact(topic),
    found ? Buffer.from(found.id, 'base64url') : Buffer.alloc(16),
    int8(0), // is internal
    compactList(partitions),
    int32(0), // authorisations
    TAGS,
  ]);
  const head = [TAGS, int32(0), compactList(brokers), compact('cluster'), int32(0)];
  return Buffer.concat([...head, compactList([described]), TAGS]);
}
