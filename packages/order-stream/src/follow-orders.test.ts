import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, silence, STARTED, startScriptedGateway } from '../testing/scripted-gateway.ts';
import { Status } from 'nice-grpc-common';
import { followCheckpoint } from './follow-checkpoint.ts';
import { followOrders } from './follow-orders.ts';
import type { FollowedItem } from './followed-item.ts';
import { OrderStatus } from './gen/orders/v1/order_stream.ts';
import { OrderListError } from './order-list.ts';
import { viewOrders } from './order-view.ts';

const QUICK = { minRetryDelayMs: 1, maxRetryDelayMs: 5, api: 'http://orders.example/' };
const FILTER = { statuses: [OrderStatus.PENDING] };

const listed = (orderId: string, version: number, status = 'pending') => ({
  ...{ order_id: orderId, customer_id: 'c', status, version, currency: 'EUR', items: [], total_minor: 0 },
  ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
});
const changed = (orderId: string, version: number, status: OrderStatus = OrderStatus.PENDING) => ({
  ...{ eventId: `${orderId}.${version}`, orderId, orderVersion: BigInt(version), status },
});
const page = (orders: object[], next: string | null = null, changesToken: string | null = 'moment') =>
  Response.json({ orders, next_page_token: next, changes_token: changesToken });
const problem = (status: number, code: string) => Response.json({ code, detail: 'why' }, { status });

/** Answers requests by the given ones, in their order, and keeps what was asked for. */
function scriptedApi(...answers: (() => Response | Promise<Response>)[]) {
  const asked: string[] = [];
  const authorizations: (string | null)[] = [];
  const fetch = async (url: string | URL | Request, init?: RequestInit) => {
    const address = url instanceof Request ? url.url : url.toString();
    asked.push(address);
    authorizations.push(new Headers(init?.headers).get('authorization'));
    return (answers.shift() ?? assert.fail(`nobody is to ask for ${address}`))();
  };
  return { asked, authorizations, fetch: fetch as typeof globalThis.fetch };
}

const shown = (item: FollowedItem) =>
  'orderId' in item ? `${item.kind} ${item.orderId}${item.orderVersion}` : item.kind;

test('the list is read over all that stands in its way, and goes over into the stream from before it', async (t) => {
  const gateway = await startScriptedGateway(t, async function* ({ start }, { context }) {
    if (start?.position?.$case === 'latest') yield STARTED(15_000, 'before');
    else {
      const left = changed('b', 2, OrderStatus.CONFIRMED);
      yield {
        resumeToken: '1',
        events: [changed('a', 1), changed('a', 2), left, changed('x', 3, OrderStatus.SHIPPED)],
      };
      yield { resumeToken: '2', signal: { $case: 'caughtUp', value: {} } };
    }
    await silence(context);
  });
  const api = scriptedApi(
    () => Promise.reject(new TypeError('cut')),
    () => problem(503, 'overloaded'),
    () => page([], null, null),
    () => page([listed('a', 1)], 'more'),
    () => problem(400, 'validation_failed'),
    () => page([listed('a', 1)], 'more'),
    () => new Response('<html>', { status: 200 }),
    () => page([listed('b', 1)]),
  );
  const items: FollowedItem[] = [];
  for await (const item of followOrders({
    ...QUICK,
    fetch: api.fetch,
    address: gateway.address,
    filter: FILTER,
  })) {
    items.push(item);
    if (item.kind === 'complete') break;
  }
  assert.deepEqual(items.map(shown), [
    ...['listing', 'order a1', 'order b1', 'progress'],
    ...['order a2', 'left b2', 'progress', 'complete'],
  ]);
  assert.equal(
    api.asked.at(-1),
    'http://orders.example/orders?page_size=200&statuses=pending&page_token=more',
  );
  const [first, second] = gateway.requests;
  assert.equal(first?.filter?.matchPreviousStatus, true);
  assert.deepEqual(second?.start?.position, { $case: 'resumeToken', value: 'before' });
});

test('after a restart it goes on, and where the log has lost the place it tells what has become of what it knew', async (t) => {
  const gateway = await startScriptedGateway(t, async function* ({ start }, { context, number }) {
    if (number === 1) {
      assert.deepEqual(start?.position, { $case: 'resumeToken', value: 'old' });
      refuse(context, Status.OUT_OF_RANGE, 'gone', {
        info: { reason: 'RESUME_TOKEN_EXPIRED', metadata: {} },
      });
    }
    if (start?.position?.$case === 'latest') yield STARTED(15_000, 'new');
    else {
      yield { resumeToken: '1', events: [changed('b', 2)] };
      yield { resumeToken: '2', signal: { $case: 'caughtUp', value: {} } };
    }
    await silence(context);
  });
  const api = scriptedApi(
    () => page([listed('a', 4)]),
    () => page([listed('b', 3, 'shipped')]),
  );
  const options = { ...QUICK, fetch: api.fetch, address: gateway.address };
  const known = ['a', 'b', 'c'].map((orderId) => ({ orderId, orderVersion: 1n }));
  const resume = { checkpoint: followCheckpoint('old', FILTER), orders: known };
  const items: FollowedItem[] = [];
  for await (const item of followOrders({ ...options, filter: FILTER, resume })) {
    items.push(item);
    if (item.kind === 'complete') break;
  }
  assert.deepEqual(items.map(shown), [
    'listing',
    'order a4',
    'left b3',
    'left c1',
    'progress',
    'progress',
    'complete',
  ]);
  assert.match(api.asked[1] ?? '', /order_ids=b&order_ids=c$/);
});

test('each request of the list has a token of its own, also those that are tried again and those by id', async (t) => {
  const { address } = await startScriptedGateway(t, async function* ({ start }, { context }) {
    const authorization = context.metadata.get('authorization');
    if (start?.position?.$case === 'latest') yield STARTED(15_000, String(authorization));
    else yield { resumeToken: '1', signal: { $case: 'caughtUp', value: {} } };
    await silence(context);
  });
  const api = scriptedApi(
    () => problem(401, 'token_expired'),
    () => page([listed('a', 1)], 'more'),
    () => page([]),
    () => page([listed('b', 2, 'shipped')]),
  );
  let tokens = 0;
  const token = () => `token-${(tokens += 1)}`;
  // Of another time, with another filter: the list is read.
  const resume = { checkpoint: followCheckpoint('old', {}), orders: [{ orderId: 'b', orderVersion: 1n }] };
  const options = { ...QUICK, fetch: api.fetch, address, filter: FILTER, resume, token };
  const checkpoints = new Map<string, string>();
  for await (const item of followOrders(options)) {
    checkpoints.set(item.kind, item.checkpoint);
    if (item.kind === 'complete') break;
  }
  assert.equal(checkpoints.get('progress'), followCheckpoint('Bearer token-1', FILTER));
  assert.deepEqual(
    api.authorizations,
    [2, 3, 4, 5].map((number) => `Bearer token-${number}`),
  );
  assert.equal(tokens, 6, 'and one for each stream');
});

test('what the API refuses for good ends it', async (t) => {
  const { address } = await startScriptedGateway(t, async function* (_, { context }) {
    yield STARTED();
    await silence(context);
  });
  const { fetch } = scriptedApi(() => problem(403, 'forbidden'));
  await assert.rejects(async () => {
    for await (const _ of followOrders({ ...QUICK, fetch, address }));
  }, OrderListError);
});

test('a view says through which time it is complete: never back, and nothing while it is listed again', async (t) => {
  const at = (second: number) => ({ completeThroughTime: new Date(second * 1_000) });
  const gateway = await startScriptedGateway(t, async function* ({ start }, { context, number }) {
    if (start?.position?.$case === 'latest') yield STARTED(15_000, 'place');
    else if (number === 2) {
      yield { resumeToken: '1', signal: { $case: 'caughtUp', value: at(20) } };
      yield { resumeToken: '2', signal: { $case: 'heartbeat', value: at(30) } };
      yield { resumeToken: '3', signal: { $case: 'heartbeat', value: {} } };
      yield { resumeToken: '4', signal: { $case: 'heartbeat', value: at(25) } };
      refuse(context, Status.OUT_OF_RANGE, 'gone', {
        info: { reason: 'RESUME_TOKEN_EXPIRED', metadata: {} },
      });
    } else yield { resumeToken: '5', signal: { $case: 'caughtUp', value: at(10) } };
    await silence(context);
  });
  const { fetch } = scriptedApi(
    () => page([]),
    () => page([]),
  );
  const seen: string[] = [];
  const again = Promise.withResolvers<void>();
  const view = viewOrders({ ...QUICK, fetch, address: gateway.address }, ({ kind }) => {
    const time = view?.completeThroughTime();
    seen.push(`${kind} ${time ? time.getTime() / 1_000 : 'nothing'}`);
    if (time?.getTime() === 10_000) again.resolve();
  });
  await again.promise;
  await view.close();
  const listing = ['listing nothing', 'progress nothing'];
  assert.deepEqual(seen, [
    ...[...listing, 'complete 20', 'progress 30', 'progress 30', 'progress 30'],
    ...[...listing, 'complete 10'],
  ]);
});
