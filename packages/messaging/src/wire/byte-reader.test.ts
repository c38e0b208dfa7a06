import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from './byte-reader.ts';

const readerOf = (...bytes: number[]) => new ByteReader(Buffer.from(bytes));

test('integers are big-endian and signed', () => {
  const reader = readerOf(0xff, 0xff, 0xfe, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
  assert.equal(reader.int8(), -1);
  assert.equal(reader.int16(), -2);
  assert.equal(reader.int32(), -(2 ** 31));
  assert.equal(reader.int64(), 2n ** 63n - 1n);
  assert.equal(reader.remaining, 0);
});

for (const [bytes, value] of [
  [[0x00], 0],
  [[0x01], -1],
  [[0x02], 1],
  [[0x7f], -64],
  [[0x80, 0x01], 64],
  [[0xfe, 0xff, 0xff, 0xff, 0x0f], 2 ** 31 - 1],
  [[0xff, 0xff, 0xff, 0xff, 0x0f], -(2 ** 31)],
  [[0x80, 0x80, 0xa2, 0xa9, 0xea, 0xe8, 0x01], 4_000_000_000_000],
] as const) {
  test(`a zigzag varint of ${bytes.length} bytes is ${value}`, () => {
    const reader = readerOf(...bytes);
    assert.equal(reader.varint(), value);
    assert.equal(reader.remaining, 0);
  });
}

test('strings and byte fields know null and empty', () => {
  const reader = readerOf(0xff, 0xff, 0, 2, 0xc3, 0xbc, 0, 3, 0x68, 0x69, 1, 0x01, 0x00);
  assert.equal(reader.nullableString(), null);
  assert.equal(reader.nullableString(), 'ü');
  assert.equal(reader.compactString(), null);
  assert.equal(reader.compactString(), 'hi');
  assert.equal(reader.compactString(), '');
  assert.equal(reader.varintBytes(), null);
  assert.deepEqual(reader.varintBytes(), Buffer.alloc(0));
});

test('reading past the end throws', () => {
  const cases: ((reader: ByteReader) => unknown)[] = [
    (reader) => reader.int64(),
    (reader) => reader.bytes(3),
    (reader) => reader.utf8(3),
    (reader) => reader.skip(-1),
    (reader) => reader.unsignedVarint(),
  ];
  for (const read of cases) assert.throws(() => read(readerOf(0x80, 0x80)), RangeError);
});
