import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTopicsConfig } from './topics-config.ts';

test('only the brokers have to be named', () => {
  assert.deepEqual(loadTopicsConfig({ KAFKA_BROKERS: 'one:9092, two:9092' }), {
    brokers: ['one:9092', 'two:9092'],
    topic: 'orders.events',
    partitions: 12,
    replicationFactor: 1,
    waitMs: 120_000,
  });
});

test('all faults are told at once', () => {
  assert.throws(
    () => loadTopicsConfig({ KAFKA_TOPIC_PARTITIONS: 'twelve', KAFKA_TOPIC_WAIT_MS: '0' }),
    (error: Error) =>
      ['KAFKA_BROKERS', 'KAFKA_TOPIC_PARTITIONS', 'KAFKA_TOPIC_WAIT_MS'].every((name) =>
        error.message.includes(`${name} must`),
      ),
  );
});
