/** Gives memory of a length, to be filled. */
export type TakeBytes = (length: number) => Uint8Array;

/**
 * Memory for bytes that are given up in about the order in which they were taken, as those of events in the ring: they share large
 * pieces, each of which is freed when the last of its bytes is given up. A piece for each event would cost more than most events have.
 */
export function createByteSlabs(slabBytes: number): TakeBytes {
  let slab = new Uint8Array();
  let used = 0;
  return (length) => {
    // It would waste much of a slab.
    if (length > slabBytes / 4) return Buffer.allocUnsafeSlow(length);
    if (used + length > slab.length) {
      slab = Buffer.allocUnsafeSlow(slabBytes);
      used = 0;
    }
    used += length;
    return slab.subarray(used - length, used);
  };
}
