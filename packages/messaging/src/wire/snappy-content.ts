import { uncompressSync } from 'snappy';
import { ByteReader } from './byte-reader.ts';
import { BatchFault } from './unreadable-batch.ts';

/** What the Java library writes before its blocks: a magic, and two versions that have been 1 for ever. */
const STREAM_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const STREAM_HEADER_BYTES = 16;

/**
 * What snappy content stands for: Java's clients and the broker write a stream of blocks, some other clients one bare block. Throws a
 * BatchFault when that is more than `maxBytes`, before any of it is decompressed, and what the library throws.
 */
export function readSnappy(content: Buffer, maxBytes: number): Buffer {
  const blocks = isStream(content) ? blocksOf(content) : [content];
  const bytes = blocks.reduce((sum, block) => sum + contentBytes(block), 0);
  if (bytes > maxBytes) {
    throw new BatchFault('too_large', `it unfolds into ${bytes} bytes, more than ${maxBytes}`);
  }
  const parts = blocks.map((block) => Buffer.from(uncompressSync(block, { copyOutputData: true })));
  const [first] = parts;
  return parts.length === 1 && first ? first : Buffer.concat(parts);
}

function isStream(content: Buffer): boolean {
  return (
    content.length >= STREAM_HEADER_BYTES && content.subarray(0, STREAM_MAGIC.length).equals(STREAM_MAGIC)
  );
}

/** Each block has its length before it. */
function blocksOf(content: Buffer): Buffer[] {
  const reader = new ByteReader(content);
  reader.skip(STREAM_HEADER_BYTES);
  const blocks: Buffer[] = [];
  while (reader.remaining > 0) blocks.push(reader.bytes(reader.int32()));
  return blocks;
}

/** A block begins with the number of bytes that it stands for; the library refuses one that stands for another number. */
function contentBytes(block: Buffer): number {
  return new ByteReader(block).unsignedVarint();
}
