import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { readLz4Frame } from './lz4-frame.ts';
import { readSnappy } from './snappy-content.ts';
import { BatchFault } from './unreadable-batch.ts';

interface Codec {
  readonly name: string;
  readonly read: (content: Buffer, maxBytes: number) => Buffer;
}

/** Of the attributes of a batch. */
const CODEC_BITS = 0b111;

/** By their numbers in the attributes of a batch. A producer chooses one, or the topic (`compression.type`) has the broker do it. */
const CODECS: readonly Codec[] = [
  { name: 'no codec', read: (content) => content },
  { name: 'gzip', read: (content, maxBytes) => gunzipSync(content, { maxOutputLength: maxBytes }) },
  { name: 'snappy', read: readSnappy },
  { name: 'lz4', read: readLz4Frame },
  { name: 'zstd', read: (content, maxBytes) => zstdDecompressSync(content, { maxOutputLength: maxBytes }) },
];

/**
 * The records of a batch as they were before they were compressed; a view on `content` when they were not. A few kilobytes can stand
 * for gigabytes: no more than `maxBytes` are made of them. Throws a BatchFault.
 */
export function uncompressedRecords(attributes: number, content: Buffer, maxBytes: number): Buffer {
  const number = attributes & CODEC_BITS;
  const codec = CODECS[number];
  if (!codec)
    throw new BatchFault('codec', `it is compressed with codec ${number}, which Kafka does not know`);
  try {
    return codec.read(content, maxBytes);
  } catch (error) {
    if (error instanceof BatchFault) throw error;
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    const message = isTooLarge
      ? `it unfolds from ${codec.name} into more than ${maxBytes} bytes`
      : `it cannot be decompressed with ${codec.name}`;
    throw new BatchFault(isTooLarge ? 'too_large' : 'malformed', message, { cause: error });
  }
}
