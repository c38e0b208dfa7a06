import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { createTestTopic, eventually } from '../../../test/harness/index.ts';
import { withoutFence } from '../testing/mutants.ts';
import { type AskCoordinator, createCoordinatorClients } from './coordinator-client.ts';
import { createLogReader, type LogReader } from './log-reader.ts';
import { createLogWriter, type LogWriter } from './log-writer.ts';
import { fencePartition } from './producer-fence.ts';
import { createTopicCluster, leaderOf, type TopicCluster } from './topic-cluster.ts';
import type { BrokerConnection } from './wire/broker-connection.ts';
import { nextSequence, type ProduceAnswer, produceRequest } from './wire/produce.ts';
import { ERROR_CODE } from './wire/protocol-error.ts';
import {
  encodeRecordBatch,
  type ProducedRecord,
  type ProducerIdentity,
} from './wire/record-batch-encoding.ts';
import {
  abortTransactionRequest,
  addPartitionRequest,
  findCoordinatorRequest,
  initProducerIdRequest,
} from './wire/transaction.ts';

const soon = () => AbortSignal.timeout(20_000);

interface Bench {
  readonly cluster: TopicCluster;
  readonly reader: LogReader;
  readonly transactionalIdPrefix: string;
  writer(): LogWriter;
  /** Sends one batch as the given producer, once. */
  produce(identity: ProducerIdentity, sequence: number, values: readonly string[]): Promise<ProduceAnswer>;
  values(): Promise<string[]>;
}

async function setUp(t: TestContext, partitions = 1): Promise<Bench> {
  const { connection, topic } = await createTestTopic(t, { partitions });
  const transactionalIdPrefix = `writer-${randomUUID()}`;
  const config = { ...connection, topic, clientId: 'test', transactionalIdPrefix };
  const cluster = createTopicCluster(config, topic);
  const reader = createLogReader({ ...config, isolation: 'uncommitted' });
  t.after(() => {
    cluster.close();
    reader.close();
  });
  return {
    cluster,
    reader,
    transactionalIdPrefix,
    writer() {
      const writer = createLogWriter(config);
      t.after(() => writer.close());
      return writer;
    },
    async produce(identity, sequence, values) {
      const connection = await cluster.connection(leaderOf(0, await cluster.metadata()));
      const records = createRecords(...values);
      const batch = encodeRecordBatch({ identity, sequence, records, timestampMs: Date.now() });
      const wire = produceRequest({ topic, batches: [{ partition: 0, batch }], timeoutMs: 1_000 });
      const answer = (await connection.send(wire)).get(0);
      assert.ok(answer);
      return answer;
    },
    async values() {
      const values: string[] = [];
      const [from, to] = [await reader.offsets('earliest'), await reader.offsets('latest')];
      await reader.read(from, to, ({ records }) => {
        for (const { value } of records) values.push(String(value));
      });
      return values;
    },
  };
}

function createRecords(...values: readonly string[]): ProducedRecord[] {
  return values.map((value) => ({ key: 'k', value, headers: {} }));
}

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
  const { cluster, transactionalIdPrefix, values } = await setUp(t, 3);
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

test('a fence holds before its owner has written anything', async (t) => {
  const { cluster, transactionalIdPrefix, produce, values } = await setUp(t);
  const older = await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 0, ['before'])).errorCode, 0);
  await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 1, ['after'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
  assert.deepEqual(await values(), ['before']);
});

test('without the fence an older owner is believed until the new one has written', async (t) => {
  const { cluster, transactionalIdPrefix, produce } = await setUp(t);
  const older = await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 0, ['before'])).errorCode, 0);
  const ask = createCoordinatorClients(cluster)(transactionalIdPrefix, soon());
  await withoutFence(ask, { transactionalId: transactionalIdPrefix, topic: cluster.topic, partition: 0 });
  assert.equal(
    (await produce(older, 1, ['after'])).errorCode,
    0,
    'the test of the fence would not see it missing',
  );
});

test('a claim succeeds after an owner that died inside its own claim', async (t) => {
  const { cluster, transactionalIdPrefix, produce, writer, values } = await setUp(t);
  const transactionalId = `${transactionalIdPrefix}-0`;
  const dead = await initProducer(cluster, transactionalId);
  const connection = await coordinatorOf(cluster, transactionalId);
  const added = await connection.send(addPartitionRequest(transactionalId, dead, cluster.topic, 0));
  assert.equal(added.errorCode, 0);

  const log = writer();
  await log.claim(0, soon());

  assert.equal((await log.append(0, createRecords('a'), soon())).kind, 'appended');
  assert.equal((await produce(dead, 0, ['of the dead'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
  assert.deepEqual(await values(), ['a']);
});

test('a claim that another overtakes before its last step fails', async (t) => {
  const { cluster, transactionalIdPrefix: transactionalId, produce, values } = await setUp(t);
  const ask = createCoordinatorClients(cluster)(transactionalId, soon());
  let other: ProducerIdentity | undefined;
  let inits = 0;
  const askLate: AskCoordinator = async (wire) => {
    if (wire.request.apiName === 'InitProducerId' && ++inits === 2) {
      other = await ask(initProducerIdRequest(transactionalId));
      await ask(addPartitionRequest(transactionalId, other, cluster.topic, 0));
      await ask(abortTransactionRequest(transactionalId, other));
    }
    return ask(wire);
  };

  // It would get an epoch above the other's marker: nothing would fence it until the other has written.
  await assert.rejects(fencePartition(askLate, { transactionalId, topic: cluster.topic, partition: 0 }), {
    name: 'KafkaProtocolError',
    message: /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/,
  });
  assert.ok(other);
  const owner = await ask(initProducerIdRequest(transactionalId, other));
  assert.equal((await produce(owner, 0, ['owned'])).errorCode, 0);
  assert.deepEqual(await values(), ['owned']);
});

test('of claims at the same time, the partition goes to one at most, and the fenced ones learn of it', async (t) => {
  const { writer, values } = await setUp(t);
  const writers = Array.from({ length: 4 }, writer);
  let total = 0;
  for (let round = 0; round < 10; round += 1) {
    const claims = await Promise.allSettled(writers.map((log) => log.claim(0, soon())));
    const claimed = writers.filter((_, index) => claims[index]?.status === 'fulfilled');
    const results = await Promise.all(claimed.map((log) => log.append(0, createRecords('a'), soon())));
    const appended = results.filter(({ kind }) => kind === 'appended').length;
    assert.ok(appended <= 1, 'two writers own the partition');
    total += appended;
    for (const claim of claims) {
      if (claim.status === 'rejected')
        assert.match(String(claim.reason), /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/);
    }
  }
  assert.equal((await values()).length, total);
});

test('the fence holds when the epochs of a producer id run out', async (t) => {
  const { cluster, transactionalIdPrefix, produce } = await setUp(t);
  let { producerId, producerEpoch } = await initProducer(cluster, transactionalIdPrefix);
  const connection = await coordinatorOf(cluster, transactionalIdPrefix);
  while (producerEpoch < 32_696) {
    const count = Math.min(500, 32_696 - producerEpoch);
    const wire = initProducerIdRequest(transactionalIdPrefix);
    const answers = await Promise.all(Array.from({ length: count }, () => connection.send(wire)));
    producerEpoch = answers.at(-1)!.producerEpoch;
  }
  let older: ProducerIdentity | undefined;
  let producerIds = 1;
  for (let claim = 0; claim < 5; claim += 1) {
    const owner = await fence(cluster, transactionalIdPrefix);
    if (owner.producerId !== producerId) producerIds += 1;
    ({ producerId } = owner);
    assert.equal((await produce(owner, 0, ['owned'])).errorCode, 0);
    if (older)
      assert.equal((await produce(older, 1, ['fenced'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
    older = owner;
  }
  assert.equal(producerIds, 2);
});

test('twelve partitions are claimed side by side', async (t) => {
  const { writer } = await setUp(t, 12);
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

function fence(cluster: TopicCluster, transactionalId: string, partition = 0): Promise<ProducerIdentity> {
  const ask = createCoordinatorClients(cluster)(transactionalId, soon());
  return fencePartition(ask, { transactionalId, topic: cluster.topic, partition });
}

/** On a fresh broker the coordinator is not there at once. */
function initProducer(cluster: TopicCluster, transactionalId: string): Promise<ProducerIdentity> {
  return eventually(async () => {
    const connection = await coordinatorOf(cluster, transactionalId);
    const answer = await connection.send(initProducerIdRequest(transactionalId));
    assert.equal(answer.errorCode, 0);
    return answer;
  });
}

async function coordinatorOf(cluster: TopicCluster, transactionalId: string): Promise<BrokerConnection> {
  const found = await cluster.askAny(findCoordinatorRequest(transactionalId));
  assert.equal(found.errorCode, 0);
  return cluster.connection(found.coordinator);
}
