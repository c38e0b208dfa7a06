import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import {
  decodeErrorDetails,
  OrderStreamAdminServiceDefinition,
  OrderStreamServiceDefinition,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { type CallOptions, ClientError, Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { createReflectionClient } from '../../../test/harness/reflection-client.ts';
import type { TestClaims } from '../../../test/harness/token-issuer.ts';
import { callWithAuthorizations } from '../testing/doubled-headers.ts';
import { healthOf } from '../testing/gateway-health.ts';
import { type GuardedGateway, startGuardedGateway, WATCHER } from '../testing/guarded-gateway.ts';

const SCOPES = ['orders:read', 'orders:write', 'orders:watch', 'orders:consume', 'orders:admin'] as const;

interface Row {
  readonly scope: (typeof SCOPES)[number];
  /** Whether a token of one customer may. */
  readonly customers: boolean;
  readonly request: object;
}

const name = 'team-a.billing';
const open = { request: { $case: 'open', value: { subscription: name } } };

/** Who may call what. A new RPC has no row, and fails the first test. */
const ROWS: Readonly<Record<string, Row>> = {
  WatchOrders: { scope: 'orders:watch', customers: true, request: {} },
  GetReplayRange: { scope: 'orders:watch', customers: true, request: {} },
  ConsumeOrders: { scope: 'orders:consume', customers: false, request: open },
  ListSubscriptions: { scope: 'orders:consume', customers: false, request: {} },
  GetSubscription: { scope: 'orders:consume', customers: false, request: { name } },
  SeekSubscription: {
    scope: 'orders:consume',
    customers: false,
    request: { name, position: { position: { $case: 'earliest', value: true } } },
  },
  DeleteSubscription: { scope: 'orders:consume', customers: false, request: { name } },
  ListWatchers: { scope: 'orders:admin', customers: false, request: {} },
  CloseWatcher: { scope: 'orders:admin', customers: false, request: { watcherId: 'none' } },
  ListHeldOrders: { scope: 'orders:admin', customers: false, request: { subscription: 'none' } },
  RequeueHeldOrders: { scope: 'orders:admin', customers: false, request: { subscription: 'none' } },
  DiscardHeldEvents: {
    scope: 'orders:admin',
    customers: false,
    request: { subscription: 'none', orderId: 'none' },
  },
  DiscardUnreadableHeldRecord: {
    scope: 'orders:admin',
    customers: false,
    request: { subscription: 'none', partition: 0, offset: 0n },
  },
};

const SERVICES = [
  { definition: OrderStreamServiceDefinition, port: 'grpc' },
  { definition: OrderStreamAdminServiceDefinition, port: 'adminGrpc' },
] as const;
const METHODS = SERVICES.flatMap(({ definition, port }) =>
  Object.entries(definition.methods).map(([key, { name: method }]) => ({ definition, port, key, method })),
);

/** What came first, of a stream or another call: `OK` for an answer. */
async function outcomeOf(
  t: TestContext,
  { urls }: GuardedGateway['app'],
  { definition, port, key, method }: (typeof METHODS)[number],
  authorization: string | undefined,
): Promise<{ code: string; reason: string | undefined }> {
  const channel = createChannel(urls[port]);
  const abort = new AbortController();
  let trailer = Metadata();
  const options: CallOptions = {
    signal: abort.signal,
    metadata: Metadata(authorization === undefined ? {} : { authorization }),
    onTrailer: (received) => (trailer = received),
  };
  t.after(() => channel.close());
  const calls = createClient(definition, channel) as unknown as Record<
    string,
    (request: object, options: CallOptions) => Promise<unknown> | AsyncIterable<unknown>
  >;
  const request = ROWS[method]?.request ?? {};
  try {
    const sent = method === 'ConsumeOrders' ? untilAborted(request, abort.signal) : request;
    const answer = calls[key]?.(sent, options);
    if (answer && Symbol.asyncIterator in answer) await answer[Symbol.asyncIterator]().next();
    else await answer;
    return { code: 'OK', reason: undefined };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { code: Status[error.code], reason: decodeErrorDetails(trailer).info?.reason };
  } finally {
    abort.abort();
  }
}

async function* untilAborted(request: object, signal: AbortSignal): AsyncGenerator<object> {
  yield request;
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
}

test('each call is for whom the table says, and for nobody else', async (t) => {
  const gateway = await startGuardedGateway(t);
  await gateway.watch({}, await gateway.as(WATCHER)).signal('caughtUp');
  const everything = { sub: 'somebody', subscriptions: ['team-a.*'] };
  const token = (claims: TestClaims) => gateway.issuer.authorization({ ...everything, ...claims });

  const others = await Promise.all(
    SCOPES.map(async (scope) => ({ scope, authorization: await token({ scope }) })),
  );
  const ofCustomer = await token({ scope: SCOPES.join(' '), customer_id: 'c-1' });
  const without = {
    none: undefined,
    'no bearer': 'Basic YTpi',
    'no token': 'Bearer a.b.c',
    expired: await token({ scope: SCOPES.join(' '), exp: Math.floor(Date.now() / 1000) - 300 }),
    'of somebody else': await token({ scope: SCOPES.join(' '), iss: 'https://elsewhere.test' }),
  };

  for (const call of METHODS) {
    await t.test(call.method, async () => {
      const row = ROWS[call.method] ?? assert.fail('the table has no row for it');
      const ask = (authorization: string | undefined) => outcomeOf(t, gateway.app, call, authorization);
      const isRefused = ({ code }: { code: string }) => /UNAUTHENTICATED|PERMISSION_DENIED/.test(code);
      for (const [what, authorization] of Object.entries(without)) {
        const refusal = { code: 'UNAUTHENTICATED', reason: 'ACCESS_UNAUTHENTICATED' };
        assert.deepEqual(await ask(authorization), refusal, what);
      }
      const forbidden = { code: 'PERMISSION_DENIED', reason: 'ACCESS_FORBIDDEN' };
      for (const { scope, authorization } of others) {
        const outcome = await ask(authorization);
        if (scope === row.scope) assert.equal(isRefused(outcome), false, `${scope}: ${outcome.code}`);
        else assert.deepEqual(outcome, forbidden, scope);
      }
      const outcome = await ask(ofCustomer);
      if (row.customers) assert.equal(outcome.code, 'OK', 'of a customer');
      else assert.deepEqual(outcome, forbidden, 'of a customer');
    });
  }

  await t.test('health and reflection are for everybody', async () => {
    assert.equal(await healthOf(gateway.app.urls.grpc), 'SERVING');
    const reflecting = createReflectionClient('v1', 'always run');
    assert.ok((await reflecting.listServices(gateway.app.urls.grpc)).length > 0);
  });

  await t.test('of two authorizations none is taken, whichever is good', async () => {
    const good = await token({ scope: 'orders:watch' });
    const { grpc } = gateway.app.urls;
    assert.doesNotMatch(String(await callWithAuthorizations(grpc, [good])), /one Authorization header/i);
    const bad = 'Bearer a.b.c';
    for (const values of [
      [good, good],
      [good, bad],
      [bad, good],
    ]) {
      const before = await gateway.metric(/^grpc_server_handled_total\{.*Range.*code="UNAUTHENTICATED"/);
      await callWithAuthorizations(grpc, values);
      const after = await gateway.metric(/^grpc_server_handled_total\{.*Range.*code="UNAUTHENTICATED"/);
      assert.equal((after ?? 0) - (before ?? 0), 1);
    }
  });

  await t.test('pages of the admin port are for admins, probes for everybody', async () => {
    const admin = await token({ scope: 'orders:admin' });
    const statusOf = async (path: string, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const { status, headers: answered } = await fetch(gateway.app.urls.admin + path, { headers });
      return `${status} ${answered.get('www-authenticate') ?? ''}`.trim();
    };
    for (const path of ['/livez', '/readyz']) assert.equal(await statusOf(path), '200', path);
    for (const path of ['/', '/metrics', '/config', '/nowhere']) {
      assert.equal(await statusOf(path), '401 Bearer', path);
      assert.equal(await statusOf(path, await token({ scope: 'orders:watch' })), '403', path);
      assert.equal(await statusOf(path, ofCustomer), '403', path);
      assert.equal(await statusOf(path, admin), path === '/nowhere' ? '404' : '200', path);
    }
  });

  await t.test('each refusal is in the audit, with who and what, and without a token', async () => {
    await eventually(() => {
      const lines = gateway.app.logs().filter(({ msg }) => msg === 'audit');
      const texts = lines.map((line) => JSON.stringify(line['audit']));
      const refusals = METHODS.map(({ definition, method }) =>
        JSON.stringify({
          subject: 'somebody',
          action: `/${definition.fullName}/${method}`,
          outcome: 'refused',
          reason: 'scope',
        }),
      );
      for (const refusal of refusals) assert.ok(texts.includes(refusal), refusal);
      assert.ok(texts.some((text) => text.includes('"action":"admin page"')));
      assert.ok(!gateway.app.logs().some((line) => /eyJ/.test(JSON.stringify(line))), 'a token');
    });
  });
});
