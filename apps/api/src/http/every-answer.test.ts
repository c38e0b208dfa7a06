import assert from 'node:assert/strict';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { type Access, AccessError, type Principal, type Scope } from '@order-events/access';
import { InvalidOrderError, InvalidStatusTransitionError, type Order } from '@order-events/domain';
import { createClosingPart, createLogger, createMetricsRegistry } from '@order-events/runtime';
import { type Answer, undocumented } from '../../testing/documented-answers.ts';
import { createApiMetrics } from '../api-metrics.ts';
import {
  ChangesExpiredError,
  IdempotencyKeyInUseError,
  IdempotencyKeyReusedError,
  ImportedAtOnceError,
  OrderBusyError,
  OrderNotFoundError,
  OverloadedError,
  VersionMismatchError,
} from '../orders/order-error.ts';
import type { OrderOutcome, OrderService } from '../orders/order-service.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { buildOpenApiDocument } from './openapi.ts';

// The service is a stand-in, so that every fault can be had at will; that the real one has these faults is looked at where it is tested.

const ORDER_ID = '01a20bba-9cac-7cfa-89b5-25123c8cd915';
const PATIENCE_MS = 60_000;
const NOBODY_WAITS_MS = 100;
const ITEM = { sku: 'tea', quantity: 2, unit_price_minor: 450 };
const NEW_ORDER = { customer_id: 'c-1', currency: 'EUR', items: [ITEM] };
const IMPORTED = { order_id: ORDER_ID, ...NEW_ORDER, status: 'shipped', version: 4 };

const ORDER: Order = {
  ...{ orderId: ORDER_ID, customerId: 'c-1', status: 'pending', version: 3, currency: 'EUR' },
  ...{ items: [{ sku: 'tea', quantity: 2, unitPriceMinor: 450 }], totalMinor: 900 },
  ...{ createdAt: new Date(), updatedAt: new Date() },
};
const OUTCOME: OrderOutcome = {
  order: ORDER,
  replayed: false,
  position: { orderId: ORDER_ID, version: 3, committedByMs: 1 },
};

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when it is a text. */
  readonly body?: object | string;
  /** Sent instead of the end of the headers and all that comes after them. */
  readonly brokenOff?: string;
}

/** What each operation is asked for when all is well, and what of it can be wrong. */
const REQUESTS: Readonly<Record<string, { readonly good: Asked; readonly faulty: Partial<Asked> }>> = {
  placeOrder: { good: { method: 'POST', path: '/orders', body: NEW_ORDER }, faulty: { body: {} } },
  listOrders: { good: { method: 'GET', path: '/orders' }, faulty: { path: '/orders?page_size=0' } },
  getOrder: { good: { method: 'GET', path: `/orders/${ORDER_ID}` }, faulty: { path: '/orders/42' } },
  changeItems: {
    good: { method: 'PATCH', path: `/orders/${ORDER_ID}`, body: { items: [ITEM] } },
    faulty: { body: {} },
  },
  changeStatus: {
    good: { method: 'PUT', path: `/orders/${ORDER_ID}/status`, body: { status: 'confirmed' } },
    faulty: { body: {} },
  },
  importOrders: {
    good: {
      method: 'POST',
      path: '/order-imports',
      body: { orders: [{ ...IMPORTED, created_at: '2025-11-03T08:15:00Z' }] },
    },
    faulty: { body: {} },
  },
};

/** How an answer is brought about: by what is sent, by what the service throws, or by how the server is set up. */
interface Cause {
  readonly asked?: (operationId: string) => Partial<Asked>;
  readonly thrown?: unknown;
  readonly server?: Partial<HttpServerOptions>;
}

const header = (name: string, value: string): Cause => ({ asked: () => ({ headers: { [name]: value } }) });
const sending = (body: string): Cause => ({ asked: () => ({ body }) });
const throwing = (thrown: unknown): Cause => ({ thrown });
const letting = (verify: Access['verify']): Partial<HttpServerOptions> => ({
  access: { ...createClosingPart('access', () => {}), keysAgeMs: () => undefined, verify },
});
const stranger = () => Promise.reject(new AccessError('unauthenticated', 'missing', 'this needs a token'));
const keysAway = () => Promise.reject(new AccessError('keys-unavailable', 'keys_unavailable', 'not now'));
const withScopes = (...scopes: Scope[]) =>
  Promise.resolve<Principal>({
    ...{ subject: 'tester', scopes: new Set(scopes), subscriptions: [] },
    ...{ customerId: undefined, expiresAtMs: Number.MAX_SAFE_INTEGER },
  });

const CAUSES: Readonly<Record<string, Cause>> = {
  validation_failed: { asked: (operationId) => REQUESTS[operationId]!.faulty },
  malformed_request: { asked: () => ({ brokenOff: 'no header\r\n\r\n' }) },
  malformed_json: sending('{'),
  unauthenticated: { server: letting(stranger) },
  forbidden: { server: letting(() => withScopes('orders:watch')) },
  order_not_found: throwing(new OrderNotFoundError(ORDER_ID)),
  not_acceptable: header('accept', 'text/html'),
  request_timeout: {
    asked: () => ({ brokenOff: 'x-late: ' }),
    server: { headersTimeoutMs: NOBODY_WAITS_MS, requestTimeoutMs: NOBODY_WAITS_MS },
  },
  invalid_status_transition: throwing(new InvalidStatusTransitionError('shipped', 'pending')),
  idempotency_key_in_use: throwing(new IdempotencyKeyInUseError()),
  import_in_progress: throwing(new ImportedAtOnceError()),
  order_busy: throwing(new OrderBusyError(ORDER_ID)),
  changes_expired: throwing(new ChangesExpiredError()),
  version_mismatch: throwing(new VersionMismatchError(2)),
  precondition_failed: header('if-match', '"v3"'),
  payload_too_large: sending(JSON.stringify('x'.repeat(513 * 1024))),
  unsupported_media_type: header('content-type', 'text/plain'),
  expectation_failed: header('expect', 'nothing'),
  invalid_order: throwing(new InvalidOrderError('an order needs at least one item')),
  idempotency_key_reused: throwing(new IdempotencyKeyReusedError()),
  too_many_requests: {
    server: { limits: { requests: { take: () => Promise.resolve(1_000) }, writes: undefined } },
  },
  headers_too_large: header('x-large', 'x'.repeat(17 * 1024)),
  internal_error: throwing(new Error('a defect')),
  overloaded: throwing(new OverloadedError()),
  keys_unavailable: { server: letting(keysAway) },
  read_only: throwing(Object.assign(new Error('cannot execute INSERT'), { code: '25006' })),
  service_unavailable: throwing(new Error('Connection terminated unexpectedly')),
};

/** What the document says that an operation answers: statuses, and of problems the codes. */
const documented = Object.values(buildOpenApiDocument().paths)
  .flatMap((methods) => Object.values(methods))
  .map(({ operationId, responses }) => ({
    operationId,
    answers: Object.entries(responses).flatMap(([status, response]) => {
      const { description } = response as { description: string };
      const codes = [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => code);
      return Number(status) < 400 ? [{ status, code: undefined }] : codes.map((code) => ({ status, code }));
    }),
  }));

for (const { operationId, answers } of documented) {
  test(`${operationId} answers all that is documented of it, and as it is documented`, async (t) => {
    assert.ok(answers.length > 10);
    const { good } = REQUESTS[operationId] ?? assert.fail(`${operationId} has no request here: add it`);
    const usual = await serve(t, {});
    await Promise.all(
      answers.map(async ({ status, code }) => {
        const what = `${status} ${code ?? ''}`;
        const cause: Cause = code === undefined ? {} : (CAUSES[code] ?? assert.fail(`what causes ${what}?`));
        const url = cause.server || 'thrown' in cause ? await serve(t, cause) : usual;
        const wanted = status === '304' ? await knowing(url, good) : cause.asked?.(operationId);
        const asked: Asked = { ...good, ...wanted };
        const answer = await ask(url, asked);
        assert.deepEqual([String(answer.status), answer.body['code']], [status, code], what);
        assert.equal(undocumented(asked.method, asked.path, answer), undefined, what);
      }),
    );
  });
}

/** A request of who has the answer already. */
async function knowing(url: string, good: Asked): Promise<Partial<Asked>> {
  const { headers } = await ask(url, good);
  return { headers: { 'if-none-match': headers.get('etag') ?? '' } };
}

/** A server whose service throws, or does what it is asked for. Answers its URL. */
async function serve(t: TestContext, cause: Cause): Promise<string> {
  const doing = <Result>(result: Result) => {
    return () => ('thrown' in cause ? Promise.reject(cause.thrown) : Promise.resolve(result));
  };
  const moment = { run: '1', snapshot: '1:1:' };
  const service: OrderService = {
    place: doing(OUTCOME),
    changeItems: doing(OUTCOME),
    changeStatus: doing(OUTCOME),
    import: doing({ imported: [ORDER_ID], present: [], different: [] }),
    get: doing(ORDER),
    list: doing({ orders: [ORDER], next: undefined, moment }),
    listChanges: doing({ orders: [ORDER], next: undefined, moment }),
  };
  let url = '';
  const log = createLogger({ service: 'api', level: 'silent' });
  const server = createHttpServer({
    ...{ host: '127.0.0.1', port: 0, keepAliveMs: PATIENCE_MS, drainMs: 100, drainDelayMs: 0, docs: false },
    ...{ headersTimeoutMs: PATIENCE_MS, requestTimeoutMs: PATIENCE_MS, maxConnections: 99, maxRequests: 99 },
    ...{ service, metrics: createApiMetrics(createMetricsRegistry('api', '0')), ...cause.server },
    log: Object.assign(log, { info: (about: { url?: string }) => void (url = about.url ?? url) }),
  });
  await server.start(new AbortController().signal);
  t.after(() => server.stop());
  return url;
}

/** Speaks HTTP by hand: a library would refuse to send some of this. */
async function ask(url: string, { method, path, headers, body, brokenOff }: Asked): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const payload = typeof body === 'object' ? JSON.stringify(body) : (body ?? '');
  const sent = {
    ...{ host: hostname, connection: 'close', 'content-length': String(Buffer.byteLength(payload)) },
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = net.connect({ host: hostname, port: Number(port) });
  // Who is refused before all of it was read may find the connection closed.
  socket.on('error', () => {});
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${brokenOff ?? `\r\n${payload}`}`);
  const [head = '', answered = ''] = (await text(socket)).split('\r\n\r\n');
  const [statusLine = '', ...fields] = head.split('\r\n');
  const named = fields.map((field) => field.split(': ', 2) as [string, string]);
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Headers(named),
    body: answered === '' ? {} : (JSON.parse(answered) as Record<string, unknown>),
  };
}
