import { type BatchHeader, CONTROL_BIT, TRANSACTIONAL_BIT } from './batch-header.ts';
import type { ByteReader } from './byte-reader.ts';

/** A transaction whose records a committed reader skips, from `firstOffset` to its abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

const ABORT_MARKER = 0;

/**
 * Tells, batch by batch in log order, what a reader must not see: control batches, and batches of aborted transactions.
 * As in Kafka's Java client: a transaction opens at its first offset and closes at its producer's abort marker.
 */
export function createAbortFilter(
  transactions: readonly AbortedTransaction[],
): (header: BatchHeader, records: ByteReader) => boolean {
  const upcoming = transactions.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const openProducers = new Set<bigint>();
  let opened = 0;
  return (header, records) => {
    for (
      let next = upcoming[opened];
      next && next.firstOffset <= header.lastOffset;
      next = upcoming[opened]
    ) {
      openProducers.add(next.producerId);
      opened += 1;
    }
    if (header.attributes & CONTROL_BIT) {
      if (header.recordCount > 0 && readMarkerType(records) === ABORT_MARKER) {
        openProducers.delete(header.producerId);
      }
      return true;
    }
    return (header.attributes & TRANSACTIONAL_BIT) !== 0 && openProducers.has(header.producerId);
  };
}

/** The key of a control record is its version (int16) and its type (int16). */
function readMarkerType(records: ByteReader): number | undefined {
  records.varint(); // length
  records.skip(1); // attributes
  records.varint(); // timestamp delta
  records.varint(); // offset delta
  return records.varintBytes()?.readInt16BE(2);
}
