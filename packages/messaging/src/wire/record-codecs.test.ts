import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as snappy } from 'snappy';
import { CODEC, encodeRecord, recordBatch, snappyStream } from '../../testing/record-batches.ts';
import { decodeRecordBatches, responseBudget } from './record-batch.ts';
import { readLz4Frame } from './lz4-frame.ts';
import { UnreadableBatchError } from './unreadable-batch.ts';

const MIB = 1024 * 1024;
/** Compresses well, and is longer than a block of lz4 or snappy. */
const TEXT = Array.from({ length: 20_000 }, (_, n) => `order ${n % 700}`).join();
const RECORDS = [
  { offsetDelta: 0, key: 'k', value: TEXT, headers: { ce_id: '1' } },
  { offsetDelta: 1, value: 'short' },
];
const CONTENT = Buffer.concat(RECORDS.map(encodeRecord));

const decode = (data: Buffer, budget = responseBudget()) => decodeRecordBatches(data, 3, 0n, [], budget);

const STORED: readonly [name: string, codec: number, stored: Buffer | undefined][] = [
  ['uncompressed', CODEC.none, undefined],
  ['gzip', CODEC.gzip, undefined],
  ['zstd', CODEC.zstd, undefined],
  ['snappy as Java writes it', CODEC.snappy, snappyStream(CONTENT)],
  ['snappy in one block', CODEC.snappy, snappy(CONTENT)],
  ['snappy in one block of a stream', CODEC.snappy, snappyStream(CONTENT, MIB)],
  ['lz4', CODEC.lz4, compressFrameSync(CONTENT)],
  ['lz4 with a checksum of the content', CODEC.lz4, compressFrameSync(CONTENT, { contentChecksum: true })],
  ['lz4 with checksums of the blocks', CODEC.lz4, compressFrameSync(CONTENT, { blockChecksums: true })],
];

for (const [name, attributes, stored] of STORED) {
  test(`${name} is read`, () => {
    const data = recordBatch({ baseOffset: 0, attributes, records: RECORDS, ...(stored && { stored }) });
    const { records, nextOffset } = decode(data);
    assert.deepEqual(
      records.map(({ key, value, headers }) => [
        key?.toString(),
        value?.toString(),
        headers['ce_id']?.toString(),
      ]),
      [
        ['k', TEXT, '1'],
        [undefined, 'short', undefined],
      ],
    );
    assert.equal(nextOffset, 2n);
  });
}

test('lz4 is read with stored blocks, and with blocks that refer to those before them', () => {
  // "abcdefgh" as it is; then the same by a match 8 bytes back, and "xyzzy".
  const blocks = ['08000080', '6162636465666768', '09000000', '04080050', '78797a7a79', '00000000'];
  const linked = Buffer.from(`04224d184040c0${blocks.join('')}`, 'hex');
  assert.equal(readLz4Frame(linked, MIB).toString(), 'abcdefghabcdefghxyzzy');
});

for (const [name, attributes] of Object.entries({ ...CODEC, none: undefined, unknown: undefined })) {
  if (attributes === undefined) continue;
  test(`a few kilobytes of ${name} that stand for too much are refused`, () => {
    const bomb = recordBatch({
      baseOffset: 7,
      attributes,
      records: [{ offsetDelta: 0, value: Buffer.alloc(80 * MIB) }],
    });
    assert.throws(() => decode(bomb), { name: 'UnreadableBatchError', kind: 'too_large', nextOffset: 8n });
  });
}

test('a batch of nothing but empty records is refused when it has too many', () => {
  const count = 600_000;
  const empty = encodeRecord({ offsetDelta: 0 });
  const stored = Buffer.alloc(count * empty.length, empty);
  const batch = recordBatch({ baseOffset: 0, records: [], stored, recordCount: count });
  assert.throws(() => decode(batch), { kind: 'too_large', nextOffset: 600_000n });
});

test('what many batches of a response stand for is decoded over several fetches', () => {
  const value = Buffer.alloc(20 * MIB);
  const batches = Array.from({ length: 10 }, (_, baseOffset) =>
    recordBatch({ baseOffset, attributes: CODEC.zstd, records: [{ offsetDelta: 0, value }] }),
  );
  const budget = responseBudget();
  const { records, nextOffset } = decode(Buffer.concat(batches), budget);
  assert.deepEqual([records.length, nextOffset], [4, 4n]);
  // Another partition of the same response is left to the next one.
  assert.deepEqual(decode(batches[0]!, budget), { records: [], nextOffset: 0n });
});

test('content that is cut off is an error of the batch, never of the process', () => {
  for (const [, attributes, stored] of STORED.slice(1)) {
    const whole = recordBatch({ baseOffset: 0, attributes, records: RECORDS, ...(stored && { stored }) });
    for (const bytes of [62, 65, 80, whole.length - 1]) {
      const cut = recordBatch({
        baseOffset: 0,
        attributes,
        records: RECORDS,
        stored: whole.subarray(61, bytes),
      });
      // Without its end mark, or its checksum, all records may still be there.
      if (bytes < whole.length - 1) assert.throws(() => decode(cut), UnreadableBatchError);
      else tolerate(() => decode(cut));
    }
  }
});

function tolerate(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UnreadableBatchError);
  }
}
