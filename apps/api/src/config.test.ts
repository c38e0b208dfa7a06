import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiConfig, servesDocs } from './config.ts';

test('the API needs no settings in development, and none for Kafka at all', () => {
  const { config } = apiConfig({ KAFKA_BROKERS: 'ignored:9092' });
  assert.deepEqual(config, {
    NODE_ENV: 'development',
    DATABASE_URL: 'postgres://orders:orders@127.0.0.1:5432/orders',
    DATABASE_CLEARTEXT: 'refuse',
    ACCESS_CONTROL: 'off',
    ACCESS_ALGORITHMS: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    ACCESS_JWKS_REFRESH_MS: 20_000,
    ACCESS_JWKS_COOLDOWN_MS: 2000,
    ACCESS_JWKS_KEPT_MS: 900_000,
    ACCESS_JWKS_TIMEOUT_MS: 3000,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_TIMEOUT: 10_000,
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
    OTEL_BSP_SCHEDULE_DELAY: 5000,
    OTEL_BSP_MAX_QUEUE_SIZE: 2048,
    OTEL_SDK_DISABLED: false,
    LOG_LEVEL: 'info',
    API_HOST: '127.0.0.1',
    API_PORT: 3000,
    API_TLS_CHECK_MS: 10_000,
    API_ADMIN_HOST: '127.0.0.1',
    API_ADMIN_PORT: 9100,
    API_KEEP_ALIVE_MS: 75_000,
    API_DATABASE_POOL_SIZE: 10,
    API_DATABASE_WAIT_MS: 500,
    API_MAX_REQUESTS: 256,
    API_MAX_ORDER_WRITERS: 20,
    API_MAX_CONNECTIONS: 10_000,
    API_HEADERS_TIMEOUT_MS: 15_000,
    API_REQUEST_TIMEOUT_MS: 30_000,
    API_DRAIN_DELAY_MS: 0,
    API_STOP_DEADLINE_MS: 10_000,
  });
});

test('every wrong setting is named, and the password is not shown', () => {
  const faulty = {
    DATABASE_URL: 'mysql://root:hunter2@db/orders',
    API_PORT: '70000',
    API_POOL_SIZE: '5',
  };
  assert.throws(
    () => apiConfig(faulty),
    ({ message }: Error) =>
      ['DATABASE_URL', 'API_PORT', 'API_POOL_SIZE'].every((name) => message.includes(name)) &&
      !message.includes('hunter2'),
  );
});

test('the development database is refused in production', () => {
  assert.throws(() => apiConfig({ NODE_ENV: 'production' }), /DATABASE_URL: must be set in production/);
  const DATABASE_URL = 'postgres://orders:s3cret@db/orders?sslmode=verify-full';
  const open = { NODE_ENV: 'production', DATABASE_URL, ACCESS_CONTROL: 'open-to-everybody' };
  assert.equal(apiConfig(open).config.DATABASE_URL, DATABASE_URL);
});

test('production does not start open to everybody by oversight, nor with page tokens that other replicas do not know', () => {
  const DATABASE_URL = 'postgres://orders:s3cret@db/orders?sslmode=verify-full';
  assert.throws(
    () => apiConfig({ NODE_ENV: 'production', DATABASE_URL }),
    /ACCESS_CONTROL: must be jwt in production/,
  );
  assert.throws(() => apiConfig({ ACCESS_CONTROL: 'jwt' }), /API_PAGE_TOKEN_SECRET: must be set/);
});

test('the page of the reference is on, in production only where it is asked for', () => {
  assert.equal(servesDocs({ API_DOCS: undefined, NODE_ENV: 'development' }), true);
  assert.equal(servesDocs({ API_DOCS: undefined, NODE_ENV: 'production' }), false);
  assert.equal(servesDocs({ API_DOCS: 'on', NODE_ENV: 'production' }), true);
  assert.equal(servesDocs({ API_DOCS: 'off', NODE_ENV: 'development' }), false);
});
