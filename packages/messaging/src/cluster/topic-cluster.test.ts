import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTopicCluster, groupByLeader, leaderOf } from './topic-cluster.ts';

const one = { host: 'kafka-1', port: 9092 };
const two = { host: 'kafka-2', port: 9092 };
const metadata = {
  topicId: 'id',
  brokers: new Map([
    [1, one],
    [2, two],
  ]),
  leaders: [1, 2, 1, -1],
  leaderEpochs: [0, 0, 0, 0],
  replicationFactor: 1,
  clusterId: 'cluster',
};

test('partitions are grouped by their leader', () => {
  assert.deepEqual(
    groupByLeader([0, 1, 2], metadata),
    new Map([
      [one, [0, 2]],
      [two, [1]],
    ]),
  );
});

test('a partition without a leader, or without existence, is a passing error', () => {
  assert.throws(() => leaderOf(3, metadata), { name: 'KafkaProtocolError', code: 5, transient: true });
  assert.throws(() => leaderOf(4, metadata), { name: 'KafkaProtocolError', code: 3, transient: true });
});

for (const brokers of [[], ['kafka'], ['kafka:'], ['kafka:0'], ['kafka:65536'], [':9092'], ['a:1,b:2']]) {
  test(`brokers ${JSON.stringify(brokers)} are refused`, () => {
    assert.throws(() => createTopicCluster({ brokers, clientId: 'test' }, 'topic'), RangeError);
  });
}

for (const broker of ['kafka:9092', ' 10.0.0.1:9092 ', '[::1]:9092']) {
  test(`broker "${broker}" is accepted`, () => {
    createTopicCluster({ brokers: [broker], clientId: 'test' }, 'topic').close();
  });
}
