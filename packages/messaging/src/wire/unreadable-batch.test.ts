import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODEC, recordBatch, type TestRecord, withChecksum } from '../../testing/record-batches.ts';
import { decodeRecordBatches } from './record-batch.ts';
import { type BatchFaultKind, UnreadableBatchError } from './unreadable-batch.ts';

const HEADER_BYTES = 61;

const values = (...texts: string[]): TestRecord[] =>
  texts.map((value, offsetDelta) => ({ offsetDelta, value }));
const decode = (data: Buffer, from: bigint) => {
  const { records, nextOffset } = decodeRecordBatches(data, 3, from, []);
  return { nextOffset, values: records.map(({ value }) => String(value)) };
};

/** A batch of offsets 40 to 42, changed. */
function changed(change: (batch: Buffer) => void): Buffer {
  const batch = recordBatch({ baseOffset: 40, records: values('a', 'b', 'c') });
  change(batch);
  return batch;
}

const flipped = (at: number) => changed((batch) => (batch[at]! ^= 1));
const rechecked = (at: number, value: number) =>
  withChecksum(changed((batch) => batch.writeUInt8(value, at)));

const UNREADABLE: readonly [name: string, batch: Buffer, kind: BatchFaultKind][] = [
  ['a record that was changed', flipped(HEADER_BYTES + 5), 'checksum'],
  ['a checksum that was changed', flipped(18), 'checksum'],
  ['attributes that were changed', flipped(22), 'checksum'],
  ['a number of records that was changed', flipped(60), 'checksum'],
  ['a length that was made larger', flipped(8), 'malformed'],
  ['a length that is none', changed((batch) => batch.writeInt32BE(-1, 8)), 'malformed'],
  ['an old format', changed((batch) => batch.writeInt8(1, 16)), 'format'],
  ['an unknown codec', rechecked(22, CODEC.unknown), 'codec'],
  ['content that is not of its codec', rechecked(22, CODEC.gzip), 'malformed'],
  ['more records than there are', rechecked(60, 4), 'malformed'],
  ['a record that is shorter than it says', rechecked(HEADER_BYTES, 40), 'malformed'],
  ['a record that is longer than it says', rechecked(HEADER_BYTES, 2), 'malformed'],
  ['a record behind the end of its batch', rechecked(HEADER_BYTES + 3, 100), 'malformed'],
  ['more headers than there are', rechecked(HEADER_BYTES + 7, 100), 'malformed'],
];

for (const [name, batch, kind] of UNREADABLE) {
  test(`${name}: the error names partition, offset, kind, and a way on`, () => {
    const before = recordBatch({ baseOffset: 38, records: values('x', 'y') });
    assert.deepEqual(decode(Buffer.concat([before, batch]), 38n), { nextOffset: 40n, values: ['x', 'y'] });
    for (const data of [
      batch,
      Buffer.concat([batch, recordBatch({ baseOffset: 43, records: values('z') })]),
    ]) {
      assert.throws(
        () => decode(data, 40n),
        (error) => {
          assert.ok(error instanceof UnreadableBatchError);
          assert.deepEqual([error.partition, error.offset, error.kind], [3, 40n, kind]);
          assert.ok(error.nextOffset > 40n && error.nextOffset <= 43n);
          assert.match(error.message, /^partition 3 cannot be read from offset 40 up to 4/);
          return true;
        },
      );
    }
  });
}

test('after a batch that was changed the log goes on where the next one begins, and else where it says that it ends', () => {
  const bad = flipped(HEADER_BYTES + 5);
  assert.throws(() => decode(bad, 40n), { nextOffset: 43n });
  const after = recordBatch({ baseOffset: 50, records: values('z') });
  assert.throws(() => decode(Buffer.concat([bad, bad, after]), 40n), { nextOffset: 50n });
  assert.throws(() => decode(flipped(25), 40n), { nextOffset: 41n }); // it says another end than its number of records
});

test('a batch that cannot be read and is not wanted any more is passed', () => {
  const data = Buffer.concat([
    flipped(HEADER_BYTES + 5),
    recordBatch({ baseOffset: 43, records: values('z') }),
  ]);
  assert.deepEqual(decode(data, 43n), { nextOffset: 44n, values: ['z'] });
});

test('batches that lie before the position only are no answer', () => {
  assert.throws(
    () => decode(recordBatch({ baseOffset: 40, records: values('a') }), 41n),
    UnreadableBatchError,
  );
});
