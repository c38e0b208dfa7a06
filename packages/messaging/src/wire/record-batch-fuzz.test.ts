import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CODEC, recordBatch, withChecksum } from '../../testing/record-batches.ts';
import { decodeRecordBatches } from './record-batch.ts';
import { UnreadableBatchError } from './unreadable-batch.ts';

const FROM = 40n;
const MAX_GROWTH_KIB = 200 * 1024;

const batches = Object.values(CODEC)
  .filter((codec) => codec !== CODEC.unknown)
  .map((attributes) =>
    recordBatch({
      baseOffset: Number(FROM),
      attributes,
      records: Array.from({ length: 20 }, (_, offsetDelta) => ({
        offsetDelta,
        key: `order-${offsetDelta}`,
        value: `{"status":"shipped","n":${offsetDelta}}`.repeat(offsetDelta),
        headers: { ce_id: String(offsetDelta), ce_type: 'order.updated' },
      })),
    }),
  );

const storedBatch = fc.constantFrom(...batches);
const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });

/** Ends with records, or with an error that names the batch; either way the reader can go on. */
function decodeAnything(data: Buffer): void {
  try {
    const { records, nextOffset } = decodeRecordBatches(data, 0, FROM, []);
    assert.ok(nextOffset > FROM || records.length === 0);
    for (const { offset } of records) assert.ok(offset >= FROM && offset < nextOffset);
  } catch (error) {
    assert.ok(error instanceof UnreadableBatchError, String(error));
    assert.ok(error.offset === FROM && error.nextOffset > FROM);
  }
}

test('whatever is changed in a batch, decoding ends with records or with a named error, in bounded memory', () => {
  const before = process.resourceUsage().maxRSS;
  fc.assert(
    fc.property(
      storedBatch,
      fc.array(change, { maxLength: 6 }),
      fc.boolean(),
      fc.nat(),
      (batch, changes, isChecksumMended, cutAt) => {
        const bytes = Buffer.from(batch);
        for (const { at, to } of changes) bytes[at % bytes.length] = to;
        // With the right checksum the changes reach the codecs and the records.
        if (isChecksumMended) withChecksum(bytes);
        decodeAnything(bytes);
        decodeAnything(Buffer.concat([bytes, batch]));
        decodeAnything(bytes.subarray(0, cutAt % bytes.length));
      },
    ),
    { numRuns: 3_000 },
  );
  assert.ok(process.resourceUsage().maxRSS - before < MAX_GROWTH_KIB);
});

test('bytes that never were a batch are no danger', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decodeAnything(Buffer.from(bytes))));
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(CODEC)),
      fc.uint8Array({ maxLength: 300 }),
      (attributes, bytes) =>
        decodeAnything(
          recordBatch({
            baseOffset: Number(FROM),
            attributes,
            records: [],
            stored: Buffer.from(bytes),
            recordCount: 3,
          }),
        ),
    ),
    { numRuns: 2_000 },
  );
});
