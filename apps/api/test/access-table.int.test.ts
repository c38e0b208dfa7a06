import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { SCOPES, type Scope } from '@order-events/access';
import { createMetricsRegistry } from '@order-events/runtime';
import { pino } from 'pino';
import { createApiMetrics } from '../src/api-metrics.ts';
import { createExpressApp } from '../src/http/http-server.ts';
import type { OrderService } from '../src/orders/order-service.ts';
import { startGuardedApi } from '../testing/guarded-api.ts';
import { importOf, type OrderClient, ORDER, TEA } from '../testing/order-client.ts';

/** What one route is for. Each row is tried by everybody who could ask. */
interface Row {
  readonly scope: Scope;
  /** Asks for something about an order of c-1. */
  readonly ask: (client: OrderClient, orderId: string) => Promise<{ readonly status: number }>;
  readonly allowed: number;
  /** What a token of c-1 gets, and one of another customer. */
  readonly owner: number;
  readonly other: number;
}

const moved = (status: string) => (client: OrderClient, orderId: string) =>
  client.send('PUT', `/orders/${orderId}/status`, { status });

const TABLE: Readonly<Record<string, Readonly<Record<string, Row>> | 'open'>> = {
  'GET /openapi.json': 'open',
  'GET /problems': 'open',
  'GET /docs': 'open',
  'GET /docs/start.js': 'open',
  'GET /docs/swagger-ui-bundle.js': 'open',
  'GET /docs/swagger-ui.css': 'open',
  'POST /orders': {
    place: {
      scope: 'orders:write',
      ask: (client) => client.send('POST', '/orders', ORDER),
      allowed: 201,
      owner: 201,
      other: 403,
    },
  },
  'POST /order-imports': {
    import: {
      scope: 'orders:admin',
      ask: (client) => client.send('POST', '/order-imports', importOf(randomUUID())),
      allowed: 200,
      owner: 403,
      other: 403,
    },
  },
  'GET /orders': {
    list: {
      scope: 'orders:read',
      ask: (client) => client.send('GET', '/orders'),
      allowed: 200,
      owner: 200,
      other: 200,
    },
  },
  'GET /orders/:order_id': {
    read: {
      scope: 'orders:read',
      ask: (client, orderId) => client.send('GET', `/orders/${orderId}`),
      allowed: 200,
      owner: 200,
      other: 404,
    },
    'read the head of': {
      scope: 'orders:read',
      ask: (client, orderId) => client.send('HEAD', `/orders/${orderId}`),
      allowed: 200,
      owner: 200,
      other: 404,
    },
  },
  'PATCH /orders/:order_id': {
    change: {
      scope: 'orders:write',
      ask: (client, orderId) =>
        client.send('PATCH', `/orders/${orderId}`, { items: [{ ...TEA, quantity: 3 }] }),
      allowed: 200,
      owner: 200,
      other: 404,
    },
  },
  'PUT /orders/:order_id/status': {
    cancel: { scope: 'orders:write', ask: moved('cancelled'), allowed: 200, owner: 200, other: 404 },
    'move on': { scope: 'orders:write', ask: moved('confirmed'), allowed: 200, owner: 403, other: 403 },
  },
};

/** Every route of the application, as `METHOD pattern`. */
function routes(): string[] {
  const nothing = () => Promise.reject(new Error('not called'));
  const service: OrderService = {
    place: nothing,
    changeItems: nothing,
    changeStatus: nothing,
    import: nothing,
    get: nothing,
    list: nothing,
    listChanges: nothing,
  };
  const app = createExpressApp({
    docs: true,
    service,
    metrics: createApiMetrics(createMetricsRegistry('api', '0')),
    log: pino({ level: 'silent' }),
  });
  return routesOf(app.router as unknown as { stack: Layer[] });
}

interface Layer {
  readonly route?: { readonly path: unknown; readonly methods: Record<string, boolean> };
  readonly handle?: { readonly stack?: Layer[] };
}

function routesOf({ stack }: { readonly stack: readonly Layer[] }): string[] {
  return stack.flatMap(({ route, handle }) => {
    // What answers all methods answers 405, and OPTIONS which of them there are: neither has anything to do with orders.
    if (route) {
      const methods = Object.keys(route.methods).filter((method) => !['_all', 'options'].includes(method));
      return methods.map((method) => `${method.toUpperCase()} ${String(route.path)}`);
    }
    return handle?.stack ? routesOf({ stack: handle.stack }) : [];
  });
}

test('every route has its row in the table of who may use it', () => {
  assert.deepEqual(routes().toSorted(), Object.keys(TABLE).toSorted());
});

test('every route, by everybody', async (t) => {
  const { stranger, clientOf, customer, url } = await startGuardedApi(t);
  const staff = await clientOf({ scope: 'orders:write' });
  const [owner, other] = [await customer('c-1'), await customer('c-2')];
  const scoped = new Map<Scope, OrderClient>();
  for (const scope of SCOPES) scoped.set(scope, await clientOf({ scope }));
  const powerless = await clientOf({ scope: 'orders:everything orders:read,orders:write' });

  for (const [route, rows] of Object.entries(TABLE)) {
    if (rows === 'open') {
      await t.test(`${route} is open`, async () => {
        assert.equal((await fetch(url + route.split(' ')[1])).status, 200);
      });
      continue;
    }
    for (const [what, row] of Object.entries(rows)) {
      const as = async (client: OrderClient) => (await row.ask(client, await staff.place())).status;
      await t.test(`${route}: ${what}`, async () => {
        assert.equal(await as(stranger), 401, 'without a token');
        assert.equal(await as(powerless), 403, 'without a scope of ours');
        for (const [scope, client] of scoped) {
          assert.equal(await as(client), scope === row.scope ? row.allowed : 403, scope);
        }
        assert.equal(await as(owner), row.owner, 'the customer whose order it is');
        assert.equal(await as(other), row.other, 'another customer');
      });
    }
  }
  for (const [method, path] of [
    ['GET', '/nowhere'],
    ['DELETE', '/orders'],
    ['OPTIONS', '/orders'],
  ] as const) {
    await t.test(`${method} ${path}, which is no route, tells a stranger nothing`, async () => {
      assert.equal((await stranger.send(method, path)).status, 401);
      assert.ok([204, 404, 405].includes((await staff.send(method, path)).status));
    });
  }
});
