import { gzipSync, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as snappy } from 'snappy';

export const CODEC = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4, unknown: 7 } as const;

/** By the number of the codec. */
const COMPRESS: readonly ((content: Buffer) => Buffer)[] = [
  (content) => content,
  (content) => gzipSync(content),
  (content) => snappyStream(content),
  (content) => compressFrameSync(content),
  (content) => zstdCompressSync(content),
];

export interface TestRecord {
  readonly offsetDelta: number;
  readonly timestampDelta?: number;
  readonly key?: Buffer | string | null;
  readonly value?: Buffer | string | null;
  readonly headers?: Readonly<Record<string, string | null>>;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function field(content: Buffer | string | null | undefined): Buffer {
  if (content === null || content === undefined) return varint(-1);
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function encodeRecord({
  offsetDelta,
  timestampDelta = 0,
  key,
  value,
  headers = {},
}: TestRecord): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(offsetDelta),
    field(key),
    field(value),
    varint(Object.keys(headers).length),
    ...Object.entries(headers).flatMap(([name, content]) => [field(name), field(content)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** A record batch as the log holds it, compressed as its attributes say. */
export function recordBatch(options: {
  baseOffset: number;
  records: readonly TestRecord[];
  lastOffsetDelta?: number;
  attributes?: number;
  producerId?: number;
  format?: number;
  recordCount?: number;
  /** What stands for the records; default: they themselves. */
  stored?: Buffer;
}): Buffer {
  const { baseOffset, records, attributes = 0, recordCount = records.length } = options;
  const stored = options.stored ?? COMPRESS[attributes & 7]?.(Buffer.concat(records.map(encodeRecord)));
  if (!stored) throw new RangeError('there is no such codec');
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(baseOffset), 0);
  header.writeInt32BE(49 + stored.length, 8);
  header.writeInt8(options.format ?? 2, 16);
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(options.lastOffsetDelta ?? recordCount - 1, 23);
  header.writeBigInt64BE(1_000n, 27);
  header.writeBigInt64BE(9_000n, 35);
  header.writeBigInt64BE(BigInt(options.producerId ?? -1), 43);
  header.writeInt32BE(recordCount, 57);
  return withChecksum(Buffer.concat([header, stored]));
}

/** The batch with the checksum of what it holds now. */
export function withChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** As Kafka's Java library writes it: a header, and blocks with their lengths. */
export function snappyStream(content: Buffer, blockBytes = 32 * 1024): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let from = 0; from < content.length; from += blockBytes) {
    const block = snappy(content.subarray(from, from + blockBytes));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}
