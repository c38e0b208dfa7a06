import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createTestTopic, eventually, type TestTopicOptions } from '../../../test/harness/index.ts';
import { createCoordinators } from '../src/group/coordinator-client.ts';
import { createLogReader, type LogReader } from '../src/read/log-reader.ts';
import { createLogWriter, type LogWriter, type LogWriterConfig } from '../src/publish/log-writer.ts';
import { fencePartition } from '../src/publish/producer-fence.ts';
import { createTopicCluster, leaderOf, type TopicCluster } from '../src/cluster/topic-cluster.ts';
import type { BrokerConnection } from '../src/wire/broker-connection.ts';
import { type ProduceAnswer, produceRequest } from '../src/wire/produce.ts';
import {
  encodeRecordBatch,
  type ProducedRecord,
  type ProducerIdentity,
} from '../src/wire/record-batch-encoding.ts';
import { findCoordinatorRequest } from '../src/wire/find-coordinator.ts';
import { initProducerIdRequest } from '../src/wire/transaction.ts';

export const soon = () => AbortSignal.timeout(20_000);

/** A topic with what tests of the writer and its fence need. */
export interface WriterBench {
  readonly cluster: TopicCluster;
  readonly reader: LogReader;
  readonly transactionalIdPrefix: string;
  writer(options?: Pick<LogWriterConfig, 'observer'>): LogWriter;
  /** Sends one batch as the given producer, once. */
  produce(identity: ProducerIdentity, sequence: number, values: readonly string[]): Promise<ProduceAnswer>;
  values(): Promise<string[]>;
}

/** Default: one partition. */
export async function createWriterBench(
  t: TestContext,
  options: TestTopicOptions = {},
): Promise<WriterBench> {
  const { connection, topic } = await createTestTopic(t, { partitions: 1, ...options });
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
    writer(overrides) {
      const writer = createLogWriter({ ...config, ...overrides });
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

export function createRecords(...values: readonly string[]): ProducedRecord[] {
  return values.map((value) => ({ key: 'k', value, headers: {} }));
}

export function fence(
  cluster: TopicCluster,
  transactionalId: string,
  partition = 0,
): Promise<ProducerIdentity> {
  const ask = createCoordinators(cluster, 'transaction').ask(transactionalId, soon());
  return fencePartition(ask, { transactionalId, topic: cluster.topic, partition });
}

/** On a fresh broker the coordinator is not there at once. */
export function initProducer(cluster: TopicCluster, transactionalId: string): Promise<ProducerIdentity> {
  return eventually(async () => {
    const connection = await coordinatorOf(cluster, transactionalId);
    const answer = await connection.send(initProducerIdRequest(transactionalId));
    assert.equal(answer.errorCode, 0);
    return answer;
  });
}

export async function coordinatorOf(
  cluster: TopicCluster,
  transactionalId: string,
): Promise<BrokerConnection> {
  const found = await cluster.askAny(findCoordinatorRequest('transaction', transactionalId));
  assert.equal(found.errorCode, 0);
  return cluster.connection(found.coordinator);
}
