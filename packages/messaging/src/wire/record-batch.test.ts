import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODEC, recordBatch as batch, type TestRecord } from '../../testing/record-batches.ts';
import { decodeRecordBatches } from './record-batch.ts';

const LOG_APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;

const values = (...texts: string[]): TestRecord[] =>
  texts.map((value, offsetDelta) => ({ offsetDelta, value }));
const marker = (baseOffset: number, producerId: number, type: 0 | 1) =>
  batch({
    baseOffset,
    producerId,
    attributes: TRANSACTIONAL | CONTROL,
    records: [{ offsetDelta: 0, key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6) }],
  });
const decode = (data: Buffer, from = 0n, aborted: { producerId: bigint; firstOffset: bigint }[] = []) => {
  const { records, nextOffset } = decodeRecordBatches(data, 3, from, aborted);
  return { nextOffset, values: records.map(({ offset, value }) => [offset, value?.toString()]) };
};

test('a record comes with all its parts', () => {
  const data = batch({
    baseOffset: 7,
    records: [
      { offsetDelta: 0, timestampDelta: 5, key: 'k', value: 'ü', headers: { ce_id: '1', none: null } },
      { offsetDelta: 1, key: null, value: null },
    ],
  });
  const { records, nextOffset } = decodeRecordBatches(data, 3, 0n, []);
  assert.equal(nextOffset, 9n);
  assert.deepEqual(records, [
    {
      partition: 3,
      offset: 7n,
      timestampMs: 1_005,
      key: Buffer.from('k'),
      value: Buffer.from('ü'),
      headers: { ce_id: Buffer.from('1'), none: null },
    },
    { partition: 3, offset: 8n, timestampMs: 1_000, key: null, value: null, headers: {} },
  ]);
});

test("the time is the broker's when the topic says so", () => {
  const data = batch({ baseOffset: 0, attributes: LOG_APPEND_TIME, records: values('a') });
  assert.equal(decodeRecordBatches(data, 0, 0n, []).records[0]?.timestampMs, 9_000);
});

test('records before the position are left out of the batch that holds it', () => {
  const data = Buffer.concat([
    batch({ baseOffset: 0, records: values('a', 'b') }),
    batch({ baseOffset: 2, records: values('c', 'd', 'e') }),
  ]);
  assert.deepEqual(decode(data, 3n), {
    nextOffset: 5n,
    values: [
      [3n, 'd'],
      [4n, 'e'],
    ],
  });
});

test('gaps and emptied batches are passed', () => {
  const data = Buffer.concat([
    batch({ baseOffset: 0, lastOffsetDelta: 9, records: [{ offsetDelta: 4, value: 'left' }] }),
    batch({ baseOffset: 10, lastOffsetDelta: 5, records: [] }),
  ]);
  assert.deepEqual(decode(data), { nextOffset: 16n, values: [[4n, 'left']] });
});

test('a batch before the position is not even decompressed', () => {
  const data = Buffer.concat([
    batch({
      baseOffset: 0,
      attributes: CODEC.unknown,
      records: [],
      stored: Buffer.from('?'),
      lastOffsetDelta: 0,
    }),
    batch({ baseOffset: 1, records: values('b') }),
  ]);
  assert.deepEqual(decode(data, 1n), { nextOffset: 2n, values: [[1n, 'b']] });
});

test('a last batch that the broker cut off is left for the next fetch', () => {
  const whole = batch({ baseOffset: 0, records: values('a') });
  const cut = batch({ baseOffset: 1, records: values('b') });
  for (const length of [5, 12, 40, cut.length - 1]) {
    const data = Buffer.concat([whole, cut.subarray(0, length)]);
    assert.deepEqual(decode(data), { nextOffset: 1n, values: [[0n, 'a']] });
  }
});

test('control records are passed and never shown', () => {
  const data = Buffer.concat([
    batch({ baseOffset: 0, producerId: 5, attributes: TRANSACTIONAL, records: values('a') }),
    marker(1, 5, 1),
    marker(2, 6, 0),
  ]);
  assert.deepEqual(decode(data), { nextOffset: 3n, values: [[0n, 'a']] });
});

test('aborted records are skipped from their first offset to the abort marker of their producer', () => {
  const data = Buffer.concat([
    batch({ baseOffset: 0, producerId: 5, attributes: TRANSACTIONAL, records: values('aborted') }),
    batch({ baseOffset: 1, producerId: 6, attributes: TRANSACTIONAL, records: values('committed') }),
    batch({ baseOffset: 2, producerId: 5, records: values('not transactional') }),
    marker(3, 5, 0),
    batch({ baseOffset: 4, producerId: 5, attributes: TRANSACTIONAL, records: values('next') }),
    marker(5, 6, 1),
    batch({ baseOffset: 6, producerId: 6, attributes: TRANSACTIONAL, records: values('aborted too') }),
  ]);
  const aborted = [
    { producerId: 6n, firstOffset: 6n },
    { producerId: 5n, firstOffset: 0n },
  ];
  assert.deepEqual(decode(data, 0n, aborted), {
    nextOffset: 7n,
    values: [
      [1n, 'committed'],
      [2n, 'not transactional'],
      [4n, 'next'],
    ],
  });
});
