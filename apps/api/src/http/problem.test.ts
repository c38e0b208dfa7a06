import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { InvalidOrderError, InvalidStatusTransitionError } from '@order-events/domain';
import { createMetricsRegistry } from '@order-events/runtime';
import { pino } from 'pino';
import { createApiMetrics } from '../api-metrics.ts';
import {
  IdempotencyKeyInUseError,
  OrderBusyError,
  OrderNotFoundError,
  OverloadedError,
  VersionMismatchError,
} from '../orders/order-error.ts';
import type { OrderService } from '../orders/order-service.ts';
import { createHttpServer } from './http-server.ts';

/** The HTTP server in front of a service that always fails with `error`, and what it logged. */
async function serveFailing(t: TestContext, error: unknown) {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'info', formatters: { level: (level) => ({ level }) } },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const fail = () => Promise.reject(error);
  const service: OrderService = {
    place: fail,
    changeItems: fail,
    changeStatus: fail,
    import: fail,
    get: fail,
    list: fail,
    listChanges: fail,
  };
  const metrics = createApiMetrics(createMetricsRegistry('api', '0'));
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    keepAliveMs: 5_000,
    drainMs: 100,
    drainDelayMs: 0,
    headersTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    maxConnections: 10,
    maxRequests: 10,
    docs: false,
    service,
    metrics,
    log,
  });
  await server.start(new AbortController().signal);
  t.after(() => server.stop());
  const url = String(lines.find((line) => line['msg'] === 'listening')?.['url']);
  const response = await fetch(`${url}/orders`);
  return { response, body: (await response.json()) as Record<string, unknown>, lines };
}

const fromDatabase = (code: string) => Object.assign(new Error('from the database'), { code });

test('every error of the service has its status and its code', async (t) => {
  for (const [error, status, code] of [
    [new OrderNotFoundError('42'), 404, 'order_not_found'],
    [new InvalidStatusTransitionError('shipped', 'pending'), 409, 'invalid_status_transition'],
    [new IdempotencyKeyInUseError(), 409, 'idempotency_key_in_use'],
    [new OrderBusyError('42'), 409, 'order_busy'],
    [new VersionMismatchError(2), 412, 'version_mismatch'],
    [new InvalidOrderError('an order needs at least one item'), 422, 'invalid_order'],
    [new OverloadedError(), 503, 'overloaded'],
    [new Error('Connection terminated unexpectedly'), 503, 'service_unavailable'],
    [fromDatabase('CERT_HAS_EXPIRED'), 503, 'service_unavailable'],
    [fromDatabase('53100'), 503, 'service_unavailable'],
    [fromDatabase('58030'), 503, 'service_unavailable'],
    [fromDatabase('28P01'), 503, 'service_unavailable'],
    [fromDatabase('3D000'), 503, 'service_unavailable'],
    [fromDatabase('25006'), 503, 'read_only'],
    [fromDatabase('XX001'), 500, 'internal_error'],
  ] as const) {
    const { response, body } = await serveFailing(t, error);
    assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    assert.deepEqual([response.status, body['status'], body['code']], [status, status, code]);
    assert.deepEqual([body['type'], body['instance']], [`/problems#${code}`, '/orders']);
    assert.equal(body['trace_id'], response.headers.get('x-request-id'));
    assert.equal(typeof body['title'], 'string');
    if (status === 503) assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
    if (status < 500 || code === 'overloaded') assert.equal(body['detail'], error.message);
  }
});

test('what is unknown is logged, and told nobody', async (t) => {
  class UnknownRuleError extends InvalidOrderError {
    override readonly code = 'toString' as 'invalid_order';
  }
  for (const error of [
    new Error('password of the database is hunter2'),
    Object.assign(new Error('hunter2'), { status: 418, expose: true }),
    new UnknownRuleError('hunter2'),
    'hunter2',
  ]) {
    const { response, body, lines } = await serveFailing(t, error);
    assert.equal(response.status, 500);
    assert.equal(body['code'], 'internal_error');
    assert.doesNotMatch(JSON.stringify([body, ...response.headers]), /hunter2|stack/);
    const logged = lines.filter((line) => line['level'] === 'error');
    assert.equal(logged.length, 1);
    assert.match(JSON.stringify(logged), /hunter2/);
  }
});
