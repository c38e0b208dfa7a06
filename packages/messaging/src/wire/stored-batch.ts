import { claimedLastOffset, isSound } from './batch-header.ts';
import { ByteReader } from './byte-reader.ts';

/** A batch as it lies in the log. */
export interface StoredBatch {
  readonly baseOffset: bigint;
  /** What follows its length. */
  readonly body: Buffer;
  /** Its length may be wrong: there is less than it announces, or it announces less than a batch has. */
  readonly isCut: boolean;
}

const OFFSET_AND_LENGTH_BYTES = 12;
const MIN_BODY_BYTES = 49;

/**
 * The whole batches of what a broker has sent, and the first one also when it is not whole. The broker cuts off the last of several;
 * the first one it sends whole or not at all, so that one tells of a length that was changed.
 */
export function splitBatches(data: Buffer): StoredBatch[] {
  const reader = new ByteReader(data);
  const batches: StoredBatch[] = [];
  while (reader.remaining >= OFFSET_AND_LENGTH_BYTES) {
    const baseOffset = reader.int64();
    const length = reader.int32();
    if (length < MIN_BODY_BYTES || length > reader.remaining) {
      if (batches.length === 0)
        batches.push({ baseOffset, body: reader.bytes(reader.remaining), isCut: true });
      break;
    }
    batches.push({ baseOffset, body: reader.bytes(length), isCut: false });
  }
  return batches;
}

/**
 * Where the log goes on after a batch whose header cannot be trusted: where the next sound one begins, else where it says itself that
 * it ends, else one offset further, which makes the next fetch try again from there.
 */
export function claimedEnd(batches: readonly StoredBatch[], index: number, fromOffset: bigint): bigint {
  const next = batches.slice(index + 1).find(({ body, isCut }) => !isCut && isSound(body));
  if (next) return next.baseOffset;
  const bad = batches[index];
  const last = bad && claimedLastOffset(bad.baseOffset, bad.body);
  return last !== undefined && last >= fromOffset ? last + 1n : fromOffset + 1n;
}
