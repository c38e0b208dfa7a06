import { decompressFrameSync } from 'lz4-napi';
import { BatchFault } from './unreadable-batch.ts';
import { ByteReader } from './byte-reader.ts';

const MAGIC = 0x184d2204;
const CONTENT_CHECKSUM_BIT = 0b100;
const CONTENT_SIZE_BIT = 0b1000;
const BLOCK_CHECKSUM_BIT = 0b1_0000;
const DICTIONARY_BIT = 0b1;
const STORED_BIT = 0x8000_0000;
const CHECKSUM_BYTES = 4;
/** No sequence of an lz4 block stands for more bytes than this for each of its own. */
const MAX_EXPANSION = 255;

/**
 * What an lz4 frame stands for. The library decodes a frame to its end, however much that is: so first its blocks are counted, which
 * costs next to nothing, and a frame that may unfold into more than `maxBytes` is refused. Throws a BatchFault, or what the library
 * throws.
 */
export function readLz4Frame(content: Buffer, maxBytes: number): Buffer {
  const { frame, mostBytes } = measureFrame(content);
  if (mostBytes > maxBytes) {
    throw new BatchFault('too_large', `it may unfold into ${mostBytes} bytes, more than ${maxBytes}`);
  }
  return decompressFrameSync(frame);
}

/** The frame without what follows its end mark, and the most bytes that its blocks can stand for. */
function measureFrame(content: Buffer): { frame: Buffer; mostBytes: number } {
  const reader = new ByteReader(content);
  if (littleEndian(reader) !== MAGIC) throw new BatchFault('malformed', 'it is no lz4 frame');
  const flags = reader.int8();
  const maxBlockBytes = maxBlockBytesOf(reader.int8());
  if (flags & CONTENT_SIZE_BIT) reader.skip(8);
  if (flags & DICTIONARY_BIT) reader.skip(4);
  reader.skip(1); // checksum of the header
  let mostBytes = 0;
  for (;;) {
    const size = littleEndian(reader);
    if (size === 0) break;
    const isStored = size >= STORED_BIT;
    const bytes = isStored ? size - STORED_BIT : size;
    reader.skip(bytes + (flags & BLOCK_CHECKSUM_BIT ? CHECKSUM_BYTES : 0));
    mostBytes += isStored ? bytes : Math.min(maxBlockBytes, bytes * MAX_EXPANSION);
  }
  if (flags & CONTENT_CHECKSUM_BIT) reader.skip(CHECKSUM_BYTES);
  return { frame: content.subarray(0, reader.position), mostBytes };
}

/** 4 to 7 stand for 64 KiB, 256 KiB, 1 MiB and 4 MiB. */
function maxBlockBytesOf(descriptor: number): number {
  const size = (descriptor >> 4) & 0b111;
  if (size < 4) throw new BatchFault('malformed', `its lz4 blocks are of the unknown size ${size}`);
  return 1 << (8 + 2 * size);
}

function littleEndian(reader: ByteReader): number {
  return reader.bytes(4).readUInt32LE();
}
