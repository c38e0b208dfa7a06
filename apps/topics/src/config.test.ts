import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topicsConfig } from './config.ts';

test('nothing has to be set in development', () => {
  const config = topicsConfig({});
  assert.deepEqual(config.KAFKA_BROKERS, ['127.0.0.1:9092']);
  assert.equal(config.KAFKA_TOPIC, 'orders.events');
  assert.equal(config.KAFKA_TOPIC_PARTITIONS, 12);
  assert.equal(config.KAFKA_TOPIC_REPLICATION_FACTOR, 1);
});

test('all faults are told at once', () => {
  const faulty = { KAFKA_TOPIC_PARTITIONS: 'twelve', KAFKA_TOPIC_WAIT_MS: '0', KAFKA_TOPIC_REPLICAS: '3' };
  assert.throws(
    () => topicsConfig(faulty),
    (error: Error) => Object.keys(faulty).every((name) => error.message.includes(name)),
  );
});

test('a job without brokers makes no sense', () => {
  assert.throws(() => topicsConfig({ KAFKA_BROKERS: 'none' }), /KAFKA_BROKERS: must name the brokers/);
});
