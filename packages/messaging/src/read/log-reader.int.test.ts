import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import kafkajs, { type Message, type Producer } from 'kafkajs';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { sendUnreadable } from '../../testing/unreadable-batches.ts';
import { createLogReader, type LogReader, type LogReaderConfig } from './log-reader.ts';

const soon = () => AbortSignal.timeout(20_000);

async function setUp(
  t: TestContext,
  options: { partitions?: number; config?: Record<string, string>; reader?: Partial<LogReaderConfig> } = {},
) {
  const { connection, topic } = await createTestTopic(t, options);
  const kafka = new kafkajs.Kafka({ ...connection, logLevel: kafkajs.logLevel.NOTHING });
  const reader = createLogReader({ ...connection, topic, clientId: 'test', ...options.reader });
  t.after(() => reader.close());
  return {
    connection,
    topic,
    kafka,
    reader,
    async producer(config: Parameters<typeof kafka.producer>[0] = {}): Promise<Producer> {
      const producer = kafka.producer({
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        ...config,
      });
      await producer.connect();
      t.after(() => producer.disconnect());
      return producer;
    },
  };
}

function createMessages(partition: number, count: number, prefix = 'v'): Message[] {
  return Array.from({ length: count }, (_, index) => ({
    partition,
    key: `key-${index}`,
    value: `${prefix}${index}`,
    headers: { ce_id: String(index) },
  }));
}

async function readAll(reader: LogReader): Promise<string[]> {
  const values: string[] = [];
  const [from, to] = [await reader.offsets('earliest'), await reader.offsets('latest')];
  await reader.read(
    from,
    to,
    ({ partition, records }) => {
      for (const { value } of records) values.push(`${partition}:${String(value)}`);
    },
    soon(),
  );
  return values.toSorted();
}

test('a topic is described by its id and its number of partitions', async (t) => {
  const { reader } = await setUp(t, { partitions: 3 });
  const { topicId, partitionCount } = await reader.describe();
  assert.match(topicId, /^[\w-]{22}$/);
  assert.equal(partitionCount, 3);
});

test('records come with key, headers, offset and time, gzipped or plain', async (t) => {
  const { reader, topic, producer } = await setUp(t, { partitions: 1 });
  const client = await producer();
  await client.send({ topic, messages: createMessages(0, 3, 'plain') });
  await client.send({
    topic,
    compression: kafkajs.CompressionTypes.GZIP,
    messages: createMessages(0, 3, 'gzip'),
  });

  const { records, nextOffset, highWatermark, logStartOffset } = await reader.fetchBlock(0, 0n, 1_000_000);

  assert.deepEqual([nextOffset, highWatermark, logStartOffset], [6n, 6n, 0n]);
  assert.deepEqual(
    records.map(({ offset, key, value, headers }) => [
      offset,
      String(key),
      String(value),
      String(headers.ce_id),
    ]),
    ['plain', 'gzip'].flatMap((prefix, batch) =>
      [0, 1, 2].map((index) => [BigInt(batch * 3 + index), `key-${index}`, `${prefix}${index}`, `${index}`]),
    ),
  );
  assert.ok(records.every(({ timestampMs }) => Math.abs(timestampMs - Date.now()) < 60_000));
});

test('a range is read from its start to its end, exclusive, in all partitions', async (t) => {
  const { reader, topic, producer } = await setUp(t, {
    partitions: 3,
    reader: { maxBytes: 2_000, partitionMaxBytes: 700 },
  });
  const client = await producer();
  for (const partition of [0, 1, 2]) {
    for (let batch = 0; batch < 10; batch += 1) {
      await client.send({ topic, messages: createMessages(partition, 10) });
    }
  }
  const offsets: bigint[][] = [[], [], []];
  const from = new Map([
    [0, 5n],
    [1, 0n],
    [2, 60n],
  ]);
  const to = new Map([
    [0, 95n],
    [1, 100n],
    [2, 60n],
  ]);
  await reader.read(from, to, (batch) => {
    offsets[batch.partition]!.push(...batch.records.map(({ offset }) => offset));
  });
  const range = (start: number, end: number) =>
    Array.from({ length: end - start }, (_, i) => BigInt(start + i));
  assert.deepEqual(offsets, [range(5, 95), range(0, 100), []]);
});

test('a range that ends with control records ends', async (t) => {
  const { reader, topic, producer } = await setUp(t, { partitions: 1 });
  const client = await producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  for (const prefix of ['kept', 'dropped']) {
    const transaction = await client.transaction();
    await transaction.send({ topic, messages: createMessages(0, 2, prefix) });
    await (prefix === 'kept' ? transaction.commit() : transaction.abort());
  }
  // The broker answers the end of a transaction before its markers are written.
  await eventually(async () => assert.deepEqual(await reader.offsets('latest'), new Map([[0, 6n]])));
  assert.deepEqual(await readAll(reader), ['0:kept0', '0:kept1']);
});

test('aborted records are skipped between committed ones, and seen when that is asked for', async (t) => {
  const { connection, reader, topic, producer } = await setUp(t, { partitions: 1 });
  const plain = await producer();
  const aborting = await producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  const transaction = await aborting.transaction();
  await transaction.send({ topic, messages: createMessages(0, 2, 'aborted') });
  await plain.send({ topic, messages: createMessages(0, 1, 'between') });
  await transaction.send({ topic, messages: createMessages(0, 1, 'late') });
  await transaction.abort();
  await plain.send({ topic, messages: createMessages(0, 1, 'after') });

  // The broker answers the end of a transaction before its markers are written.
  await eventually(async () => assert.deepEqual(await readAll(reader), ['0:after0', '0:between0']));
  const all = createLogReader({ ...connection, topic, clientId: 'test', isolation: 'uncommitted' });
  t.after(() => all.close());
  assert.deepEqual(await readAll(all), ['0:aborted0', '0:aborted1', '0:after0', '0:between0', '0:late0']);
});

test('offsets by time are those of the first record at or after it, or the end', async (t) => {
  const { reader, topic, producer } = await setUp(t, { partitions: 2 });
  const client = await producer();
  await client.send({ topic, messages: createMessages(0, 2, 'old') });
  const { records } = await reader.fetchBlock(0, 0n, 1_000_000);
  const oldest = records[0]!.timestampMs;
  // The broker's clock counts in milliseconds: the next record needs a later one.
  while (Date.now() <= oldest) await new Promise(setImmediate);
  await client.send({ topic, messages: createMessages(0, 2, 'new') });
  await client.send({ topic, messages: createMessages(1, 1) });

  assert.deepEqual(
    await reader.offsets({ timestampMs: oldest }),
    new Map([
      [0, 0n],
      [1, 0n],
    ]),
  );
  assert.deepEqual(await reader.offsets({ timestampMs: oldest + 1 }, [0]), new Map([[0, 2n]]));
  const future = await reader.offsets({ timestampMs: Date.now() + 3_600_000 });
  assert.deepEqual(future, await reader.offsets('latest'));
});

test('an offset that the log does not have is an error that names it', async (t) => {
  const { reader, topic, producer } = await setUp(t, { partitions: 1 });
  await (await producer()).send({ topic, messages: createMessages(0, 2) });
  const error = { name: 'OffsetOutOfRangeError', partition: 0, offset: 9n };
  await assert.rejects(reader.fetchBlock(0, 9n, 1_000), error);
  await assert.rejects(
    reader.read(new Map([[0, 9n]]), new Map([[0, 10n]]), () => {}, soon()),
    error,
  );
});

test('a block that cannot be read is an error that names it', async (t) => {
  const { reader, connection, topic } = await setUp(t, { partitions: 1 });
  await sendUnreadable(connection, topic, 0);
  await assert.rejects(reader.fetchBlock(0, 0n, 1_000), {
    name: 'UnreadableBatchError',
    offset: 0n,
    nextOffset: 1n,
  });
});

test('a topic that does not exist is an error', async (t) => {
  const { connection } = await setUp(t, { partitions: 1 });
  const reader = createLogReader({ ...connection, topic: 'no-such-topic', clientId: 'test' });
  t.after(() => reader.close());
  await assert.rejects(
    reader.describe(),
    /topic no-such-topic: UNKNOWN_TOPIC_OR_PARTITION \(Kafka error 3\)/,
  );
});

test('a call ends when its signal aborts or the reader is closed', async (t) => {
  const { reader, topic, producer } = await setUp(t, { partitions: 1 });
  await (await producer()).send({ topic, messages: createMessages(0, 2) });
  // The end of this range is never written.
  const endless = (signal?: AbortSignal) =>
    reader.read(new Map([[0, 0n]]), new Map([[0, 99n]]), () => {}, signal);
  const abort = new AbortController();
  const aborted = endless(abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
  const closed = endless();
  reader.close();
  await assert.rejects(closed, { name: 'BrokerConnectionError' });
});

test('a wait that is longer than the request time-out is refused', () => {
  assert.throws(
    () =>
      createLogReader({
        brokers: ['kafka:9092'],
        topic: 't',
        clientId: 'c',
        maxWaitMs: 500,
        requestTimeoutMs: 500,
      }),
    /maxWaitMs \(500\) must be less than requestTimeoutMs \(500\)/,
  );
});
