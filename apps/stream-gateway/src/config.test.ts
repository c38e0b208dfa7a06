import assert from 'node:assert/strict';
import test from 'node:test';
import { gatewayConfig } from './config.ts';

test('it works with no settings in development', () => {
  const { config } = gatewayConfig({});
  assert.deepEqual(config.KAFKA_BROKERS, ['127.0.0.1:9092']);
  assert.deepEqual([config.GATEWAY_PORT, config.GATEWAY_ADMIN_PORT], [50051, 9102]);
});

test('brokers are a list', () => {
  const { config } = gatewayConfig({ KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9092' });
  assert.deepEqual(config.KAFKA_BROKERS, ['kafka-1:9092', 'kafka-2:9092']);
});

test('all wrong settings are named at once', () => {
  const env = { KAFKA_BROKERS: 'kafka', GATEWAY_RING_BYTES: '10', GATEWAY_PROT: '50051' };
  assert.throws(
    () => gatewayConfig(env),
    (error: Error) => Object.keys(env).every((name) => error.message.includes(name)),
  );
});

test('production must say where Kafka is', () => {
  assert.throws(() => gatewayConfig({ NODE_ENV: 'production' }), /KAFKA_BROKERS: must be set in production/);
  const env = { NODE_ENV: 'production', KAFKA_BROKERS: 'kafka:9092' };
  assert.throws(() => gatewayConfig(env), /ACCESS_CONTROL: must be jwt in production/);
  gatewayConfig({ ...env, ACCESS_CONTROL: 'open-to-everybody' });
});

test('access control needs a secret for the tokens of customers, which is not shown', () => {
  const env = {
    ACCESS_CONTROL: 'jwt',
    ACCESS_ISSUER: 'https://issuer.test',
    ACCESS_AUDIENCE: 'orders',
    ACCESS_JWKS_URL: 'https://issuer.test/jwks.json',
  };
  assert.throws(() => gatewayConfig(env), /GATEWAY_TOKEN_SECRET: must be set/);
  const short = { ...env, GATEWAY_TOKEN_SECRET: 'too short' };
  assert.throws(() => gatewayConfig(short), /GATEWAY_TOKEN_SECRET = \*\*\*: must have at least 32 bytes/);
  gatewayConfig({ ...env, GATEWAY_TOKEN_SECRET: 'x'.repeat(32) });
});
