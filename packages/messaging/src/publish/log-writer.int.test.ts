import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  createRecords,
  createWriterBench as setUp,
  fence,
  initProducer,
  soon,
} from '../../testing/writer-bench.ts';
import { leaderOf } from '../cluster/topic-cluster.ts';
import { nextSequence, produceRequest } from '../wire/produce.ts';
import { ERROR_CODE } from '../wire/protocol-error.ts';
import { encodeRecordBatch, type ProducedRecord } from '../wire/record-batch-encoding.ts';

test('batches of one claim follow each other', async (t) => {
  const { writer, values } = await setUp(t);
  const log = writer();
  await log.claim(0, soon());
  const first = await log.append(0, createRecords('a', 'b'), soon());
  const second = await log.append(0, createRecords('c'), soon());
  assert.ok(first.kind === 'appended' && second.kind === 'appended');
  assert.equal(second.baseOffset, first.baseOffset + 2n);
  assert.deepEqual(await values(), ['a', 'b', 'c']);
});

test('a broker takes what is encoded, and gives it back unchanged', async (t) => {
  const { reader, writer } = await setUp(t);
  const headers = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [
      `header-${index}-ä`,
      index % 3 ? `€ ${'x'.repeat(index)}` : '',
    ]),
  );
  const records: ProducedRecord[] = [
    { key: '', value: '', headers: {} },
    { key: 'order-🚚', value: '{"name":"Zoë","sign":"€","cart":"🛒"}', headers },
    { key: 'k'.repeat(64), value: 'ü'.repeat(4_096), headers: { '': '' } },
    { key: 'large', value: 'x'.repeat(900_000), headers: {} },
    ...Array.from({ length: 196 }, (_, index) => ({
      key: `${index}`,
      value: '{}',
      headers: { ce_id: `${index}` },
    })),
  ];
  const log = writer();
  await log.claim(0, soon());
  assert.equal((await log.append(0, records, soon())).kind, 'appended');

  const found: ProducedRecord[] = [];
  await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), (batch) => {
    for (const record of batch.records) {
      const fields = Object.entries(record.headers).map(([name, content]) => [name, String(content)]);
      found.push({
        key: String(record.key),
        value: String(record.value),
        headers: Object.fromEntries(fields),
      });
    }
  });
  assert.deepEqual(found, records);
});

test('a batch that is sent twice with one sequence is appended once, and keeps its offset', async (t) => {
  const { cluster, transactionalIdPrefix, produce, values } = await setUp(t);
  const identity = await fence(cluster, transactionalIdPrefix);
  const first = await produce(identity, 0, ['a', 'b']);
  assert.deepEqual(await produce(identity, 0, ['a', 'b']), first);
  assert.equal(first.errorCode, 0);
  assert.equal((await produce(identity, 7, ['gap'])).errorCode, ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER);
  assert.deepEqual(await values(), ['a', 'b']);
});

test('one request carries batches of several producers, and the broker judges each by itself', async (t) => {
  const { cluster, transactionalIdPrefix, values } = await setUp(t, { partitions: 3 });
  const fenceOne = (partition: number) => fence(cluster, `${transactionalIdPrefix}-${partition}`, partition);
  const identities = await Promise.all([0, 1, 2].map(fenceOne));
  await fenceOne(1);
  const batches = identities.map((identity, partition) => ({
    partition,
    batch: encodeRecordBatch({
      identity,
      sequence: partition === 2 ? 5 : 0,
      records: createRecords(`of ${partition}`),
      timestampMs: Date.now(),
    }),
  }));
  const connection = await cluster.connection(leaderOf(0, await cluster.metadata()));
  const answers = await connection.send(produceRequest({ topic: cluster.topic, batches, timeoutMs: 1_000 }));
  assert.deepEqual(
    [0, 1, 2].map((partition) => answers.get(partition)?.errorCode),
    [0, ERROR_CODE.INVALID_PRODUCER_EPOCH, ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER],
  );
  assert.deepEqual(await values(), ['of 0']);
});

test('the sequence goes on beyond 2^31', async (t) => {
  const { cluster, produce, values } = await setUp(t);
  // A producer that the partition does not know may begin anywhere; a fence would make it begin at 0.
  const identity = await initProducer(cluster, `unfenced-${randomUUID()}`);
  const last = 2 ** 31 - 2;
  assert.equal((await produce(identity, last, ['a', 'b', 'c'])).errorCode, 0);
  assert.equal((await produce(identity, nextSequence(last, 3), ['d'])).errorCode, 0);
  assert.deepEqual(await values(), ['a', 'b', 'c', 'd']);
});

test('twelve partitions are claimed side by side', async (t) => {
  const { writer } = await setUp(t, { partitions: 12 });
  const log = writer();
  await Promise.all(Array.from({ length: 12 }, (_, partition) => log.claim(partition, soon())));
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, partition) => log.append(partition, createRecords('a'), soon())),
  );
  assert.ok(results.every(({ kind }) => kind === 'appended'));
});

test('wrong use is an error: an unclaimed partition, two appends at a time', async (t) => {
  const { writer } = await setUp(t);
  const log = writer();
  await assert.rejects(log.append(0, createRecords('a'), soon()), /partition 0 is not claimed/);
  await log.claim(0, soon());
  const first = log.append(0, createRecords('a'), soon());
  await assert.rejects(log.append(0, createRecords('b'), soon()), /is being appended to already/);
  assert.equal((await first).kind, 'appended');
});
