import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { createKafkaPublisher } from '../publish/kafka-publisher.ts';
import { createLogReader } from './log-reader.ts';
import type { LogRecord } from '../wire/record-batch.ts';

const EVENTS = 300;
const VALUE = JSON.stringify({ status: 'shipped', text: 'the same again '.repeat(100) });
const soon = () => AbortSignal.timeout(30_000);

function createEvents() {
  return Array.from({ length: EVENTS }, () => {
    const eventId = randomUUID();
    return { eventId, key: 'order-ü', partition: 0, value: VALUE, headers: { ce_id: eventId } };
  });
}

/** What is in partition 0, by both ways of reading. */
async function readBothWays(t: TestContext, target: { brokers: string[]; topic: string }) {
  const reader = createLogReader({ ...target, clientId: 'test' });
  t.after(() => reader.close());
  const [from, to] = [await reader.offsets('earliest'), await reader.offsets('latest')];
  const once: LogRecord[] = [];
  await reader.read(from, to, ({ records }) => void once.push(...records), soon());
  const followed: LogRecord[] = [];
  const end = new AbortController();
  await reader.follow(
    from,
    {
      onBatch({ records, nextOffset }) {
        followed.push(...records);
        if (nextOffset >= (to.get(0) ?? 0n)) end.abort();
      },
      onAvailable() {},
      onUnavailable: (error) => assert.fail(error),
      onOutOfRange: () => assert.fail('no position is out of range'),
    },
    AbortSignal.any([end.signal, soon()]),
  );
  assert.deepEqual(followed, once);
  return once;
}

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed']) {
  test(`a topic that the broker compresses with ${codec} is read, and is a ledger`, async (t) => {
    const { brokers, topic } = await createTestTopic(t, {
      partitions: 1,
      config: { 'compression.type': codec },
    });
    const publisherConfig = {
      brokers,
      topic,
      clientId: 'test',
      transactionalIdPrefix: `test-${randomUUID()}`,
    };
    const publisher = createKafkaPublisher(publisherConfig);
    t.after(() => publisher.close());
    await publisher.claim(0, 0n, soon());
    const events = createEvents();
    const outcomes = await publisher.publish(events, soon());
    assert.ok(outcomes.every(({ kind }) => kind === 'published'));

    const records = await readBothWays(t, { brokers, topic });
    const ids = events.map(({ eventId }) => eventId);
    assert.deepEqual(
      records.map(({ headers }) => String(headers['ce_id'])),
      ids,
    );
    assert.ok(records.every(({ key, value }) => String(key) === 'order-ü' && String(value) === VALUE));

    const successor = createKafkaPublisher(publisherConfig);
    t.after(() => successor.close());
    const { publishedIds } = await successor.claim(0, 0n, soon());
    assert.deepEqual([...publishedIds].toSorted(), ids.toSorted());
  });
}

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** What other clients write: bare snappy blocks, and lz4 frames with checksums. */
const CLIENT_CODECS = {
  Snappy: (content: Buffer) => compressSync(content),
  LZ4: (content: Buffer) => compressFrameSync(content, { contentChecksum: true, blockChecksums: true }),
  ZSTD: (content: Buffer) => zstdCompressSync(content),
} as const;

for (const [name, compress] of Object.entries(CLIENT_CODECS)) {
  test(`what another client has compressed with ${name} is read`, async (t) => {
    const { brokers, topic } = await createTestTopic(t, { partitions: 1 });
    const type = CompressionTypes[name as keyof typeof CLIENT_CODECS];
    CompressionCodecs[type] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(compress(buffer)),
      decompress: () => Promise.reject(new Error('not used')),
    });
    const producer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    t.after(() => producer.disconnect());
    const values = Array.from({ length: EVENTS }, (_, n) => `${n} ${VALUE}`);
    await producer.send({ topic, compression: type, messages: values.map((value) => ({ value })) });
    assert.deepEqual(
      (await readBothWays(t, { brokers, topic })).map(({ value }) => String(value)),
      values,
    );
  });
}
