import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeWithKafkajs from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { produceRequest } from './produce.ts';
import { decodeRecordBatches } from './record-batch.ts';
import { encodeRecordBatch, type ProducedRecord, type ProducerIdentity } from './record-batch-encoding.ts';

const TIMESTAMP_MS = 1_771_322_400_123;
const LAST_SEQUENCE = 2 ** 31 - 1;

/** Any 16-bit units, also half of a surrogate pair; lengths on both sides of where the length field grows. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: 'binary-ascii', minLength: 60, maxLength: 70 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
);
const value = fc.oneof(
  text,
  fc
    .record({ unit: fc.constantFrom('x', 'ü', '€', '🚚'), length: fc.integer({ min: 2_000, max: 9_000 }) })
    .map(({ unit, length }) => unit.repeat(length)),
);
/** The decoder of kafkajs adds a header named like something that every object has to that, instead of replacing it. */
const isInherited = (name: string) => name in {};
const headers = fc
  .array(fc.tuple(text, text), { maxLength: 40 })
  .map((entries) =>
    Object.fromEntries(entries.filter(([name]) => !isInherited(name) && name.isWellFormed())),
  );
interface Batch {
  readonly identity: ProducerIdentity;
  readonly sequence: number;
  readonly records: readonly ProducedRecord[];
}

const batch: fc.Arbitrary<Batch> = fc.record({
  identity: fc.record({
    producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    producerEpoch: fc.integer({ min: 0, max: 32_767 }),
  }),
  sequence: fc.integer({ min: 0, max: LAST_SEQUENCE }),
  records: fc.oneof(
    fc.array(fc.record({ key: text, value, headers }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.record({ key: text, value: text, headers: fc.constant({}) }), {
      minLength: 60,
      maxLength: 200,
    }),
  ),
});

const encode = (options: Batch) => encodeRecordBatch({ ...options, timestampMs: TIMESTAMP_MS });

/** A record as bytes, however it was read. */
function plain(record: { key: Buffer | null; value: Buffer | null; headers: object }) {
  return {
    key: String(record.key),
    value: String(record.value),
    headers: Object.fromEntries(
      Object.entries(record.headers).map(([name, content]) => [name, String(content)]),
    ),
  };
}

/** Half of a surrogate pair has no UTF-8; it becomes U+FFFD as everywhere in Node. */
const expected = ({ key, value: content, headers: fields }: ProducedRecord) =>
  plain({ key: Buffer.from(key), value: Buffer.from(content), headers: mapValues(fields) });
const mapValues = (fields: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(fields).map(([name, content]) => [name, Buffer.from(content)]));

test('what is encoded is read back by our reader and by the decoder of kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(batch, async (options) => {
      const bytes = encode(options);
      const wanted = options.records.map(expected);
      const { records, nextOffset } = decodeRecordBatches(bytes, 3, 0n, []);
      assert.deepEqual(records.map(plain), wanted);
      assert.equal(nextOffset, BigInt(wanted.length));
      assert.ok(records.every(({ timestampMs }) => timestampMs === TIMESTAMP_MS));

      const decoded = await decodeWithKafkajs(new Decoder(bytes));
      assert.deepEqual(decoded.records.map(plain), wanted);
      const { producerId, producerEpoch, firstSequence, lastOffsetDelta, maxTimestamp } = decoded;
      assert.deepEqual({ producerId, producerEpoch }, { ...options.identity });
      assert.equal(firstSequence, options.sequence);
      assert.equal(lastOffsetDelta, wanted.length - 1);
      assert.equal(maxTimestamp, String(TIMESTAMP_MS));
    }),
    { numRuns: 150 },
  );
});

test('a request has the bytes that kafkajs would send, the checksum included', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: TIMESTAMP_MS });
  const kafkajsProduce = requests.Produce.protocol({ version: 7 });
  await fc.assert(
    fc.asyncProperty(batch, async (options) => {
      const { identity, sequence, records } = options;
      const theirs = kafkajsProduce({
        ...identity,
        acks: -1,
        timeout: 4_000,
        topicData: [
          { topic: 'orders-ü', partitions: [{ partition: 11, firstSequence: sequence, messages: records }] },
        ],
      });
      const ours = produceRequest({
        topic: 'orders-ü',
        batches: [{ partition: 11, batch: encode(options) }],
        timeoutMs: 4_000,
      });
      const [ourBody, theirBody] = [await ours.request.encode(), await theirs.request.encode()];
      assert.ok(ourBody.buffer.equals(theirBody.buffer));
      const { apiKey, apiVersion, apiName } = theirs.request;
      assert.deepEqual({ ...ours.request, encode: 0 }, { apiKey, apiVersion, apiName, encode: 0 });
    }),
    { numRuns: 150 },
  );
});

test('a value of megabytes is encoded, and small batches after it as well', () => {
  const identity = { producerId: '7', producerEpoch: 3 };
  for (const content of ['🚚'.repeat(1_500_000), 'x'.repeat(6_000_000), 'small']) {
    const bytes = encode({ identity, sequence: 0, records: [{ key: 'k', value: content, headers: {} }] });
    const [record] = decodeRecordBatches(bytes, 0, 0n, []).records;
    assert.ok(record?.value?.equals(Buffer.from(content)));
  }
});
