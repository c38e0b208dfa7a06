import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import { createLogger } from '@order-events/runtime';
import {
  type ScriptedBatch,
  silence,
  startScriptedConsumers,
} from '../../../packages/order-stream/testing/scripted-gateway.ts';
import { eventually } from '../../../test/harness/eventually.ts';
import { startJsonServer } from '../../../test/harness/json-server.ts';
import { fulfil } from './fulfil.ts';
import { createOrderApi } from './order-api.ts';

interface Step {
  readonly orderId: string;
  readonly ifMatch: string;
  readonly status: string;
}

/** An orders API that answers each step as the test says: 200 unless it says otherwise. */
async function startApi(
  t: TestContext,
  answer: (step: Step, response: ServerResponse) => number | undefined,
) {
  const steps: Step[] = [];
  const url = await startJsonServer(t, (request, body, response) => {
    assert.equal(request.method, 'PUT');
    const { status } = body as { status: string };
    const [, , orderId = ''] = (request.url ?? '').split('/');
    const step = { orderId, ifMatch: String(request.headers['if-match']), status };
    steps.push(step);
    const code = answer(step, response);
    if (code !== undefined) response.writeHead(code).end('{}');
  });
  return { url, steps };
}

/** A warehouse that is given these batches on each connection; `acknowledged` are the tokens that it sends, `rejected` what it rejects before. */
async function startWarehouse(
  t: TestContext,
  apiUrl: string,
  batches: readonly ScriptedBatch[],
  knownArticles?: () => Promise<ReadonlySet<string>>,
) {
  const acknowledged: string[] = [];
  const rejected: (readonly [eventId: string, reason: string, isSetAside: boolean])[] = [];
  const gateway = await startScriptedConsumers(t, async function* (_, call) {
    const { context, acknowledgements, rejections } = call;
    for (const batch of batches) {
      yield batch;
      const { value: ackToken } = await acknowledgements.next();
      for (const { eventId, reason, decision } of rejections.slice(rejected.length)) {
        rejected.push([eventId, reason, decision?.$case === 'setAside']);
        yield { signal: { $case: 'rejected', value: { eventId } } };
      }
      if (ackToken === undefined) return;
      acknowledged.push(ackToken);
      yield { signal: { $case: 'acknowledged', value: { ackToken } } };
    }
    await silence(context);
  });
  const stopping = new AbortController();
  const log = createLogger({ service: 'test', level: 'silent' });
  const api = createOrderApi(apiUrl);
  const options = { gateway: gateway.address, subscription: 'test', api, knownArticles, log };
  const running = fulfil(options, stopping.signal);
  const stop = async () => {
    stopping.abort();
    await running;
  };
  t.after(stop);
  return { acknowledged, rejected, stop, opened: gateway.requests };
}

const batch = (ackToken: string, ...events: [orderId: string, version: number, status: OrderStatus][]) => ({
  ackToken,
  events: events.map(([orderId, version, status]) => ({
    eventId: `${orderId}/${version}`,
    ...{ orderId, status, orderVersion: BigInt(version) },
    // An order is of the article that is named like it.
    order: { items: [{ sku: orderId }] },
  })),
});

test('each event is answered by one step, for the version that it tells of', async (t) => {
  const api = await startApi(t, () => 200);
  const { acknowledged, opened } = await startWarehouse(t, api.url, [
    batch('1', ['a', 2, OrderStatus.CONFIRMED]),
    batch('2', ['a', 3, OrderStatus.PROCESSING]),
  ]);
  await eventually(() => assert.deepEqual(acknowledged, ['1', '2']));
  assert.deepEqual(api.steps, [
    { orderId: 'a', ifMatch: '"v2"', status: 'processing' },
    { orderId: 'a', ifMatch: '"v3"', status: 'shipped' },
  ]);
  assert.deepEqual(opened[0]?.filter?.statuses, [OrderStatus.CONFIRMED, OrderStatus.PROCESSING]);
});

test('events of one order are answered one after the other, those of others meanwhile', async (t) => {
  let isFirst = true;
  const api = await startApi(t, ({ orderId }, response) => {
    if (orderId !== 'a' || !isFirst) return 200;
    isFirst = false;
    void eventually(() => assert.ok(api.steps.some((step) => step.orderId === 'b'))).then(() =>
      response.writeHead(412).end('{}'),
    );
    return undefined;
  });
  const { acknowledged } = await startWarehouse(t, api.url, [
    batch(
      '1',
      ['a', 2, OrderStatus.CONFIRMED],
      ['a', 3, OrderStatus.CONFIRMED],
      ['b', 2, OrderStatus.CONFIRMED],
    ),
  ]);
  await eventually(() => assert.deepEqual(acknowledged, ['1']));
  assert.deepEqual(
    api.steps.map(({ orderId, ifMatch }) => `${orderId} ${ifMatch}`),
    ['a "v2"', 'b "v2"', 'a "v3"'],
  );
});

test('an order with an unknown article is set aside, and nothing is asked of the API for it', async (t) => {
  const api = await startApi(t, () => 200);
  let isReadable = false;
  const articles = () =>
    isReadable ? Promise.resolve(new Set(['b'])) : Promise.reject(new Error('the disk is away'));
  const { acknowledged, rejected } = await startWarehouse(
    t,
    api.url,
    [
      batch('1', ['b', 2, OrderStatus.CONFIRMED]),
      batch('2', ['a', 2, OrderStatus.CONFIRMED], ['b', 2, OrderStatus.CONFIRMED]),
    ],
    async () => {
      const reading = articles();
      isReadable = true;
      return await reading;
    },
  );
  await eventually(() => assert.deepEqual(acknowledged, ['1', '2']));
  assert.deepEqual(rejected, [
    ['b/2', 'the list of articles cannot be read: the disk is away', false],
    ['a/2', 'unknown article: a', true],
  ]);
  assert.deepEqual(
    api.steps.map(({ orderId }) => orderId),
    ['b'],
  );
});

for (const code of [412, 409, 404]) {
  test(`an order that cannot take the step (${code}) does not hold up the others`, async (t) => {
    const api = await startApi(t, ({ orderId }) => (orderId === 'a' ? code : 200));
    const { acknowledged, rejected } = await startWarehouse(t, api.url, [
      batch('1', ['a', 2, OrderStatus.CONFIRMED]),
      batch('2', ['b', 2, OrderStatus.CONFIRMED]),
    ]);
    await eventually(() => assert.deepEqual(acknowledged, ['1', '2']));
    assert.equal(api.steps.length, 2);
    // One that has changed meanwhile has a newer event; the others are for people.
    const told = rejected.map(([eventId, , isSetAside]) => [eventId, isSetAside]);
    assert.deepEqual(told, code === 412 ? [] : [['a/2', true]]);
  });
}

test('an order whose step fails for the time being comes again, whatever is wrong with the API', async (t) => {
  const answers = [503, 401, 'lost', 'busy', 200] as const;
  const api = await startApi(t, (_, response) => {
    const answer = answers[api.steps.length - 1];
    if (answer === 'lost') return void response.destroy();
    if (answer === 'busy') return void response.writeHead(409, { 'retry-after': '1' }).end('{}');
    return answer;
  });
  const { acknowledged, rejected } = await startWarehouse(
    t,
    api.url,
    answers.map((_, index) => batch(String(index), ['a', 2, OrderStatus.CONFIRMED])),
  );
  await eventually(() => assert.equal(acknowledged.length, answers.length));
  assert.deepEqual(
    rejected.map(([eventId, , isSetAside]) => [eventId, isSetAside]),
    answers.slice(0, -1).map(() => ['a/2', false]),
  );
});

test('a stop while a step is tried leaves its event to the next process', async (t) => {
  const api = await startApi(t, () => undefined);
  const { acknowledged, rejected, stop } = await startWarehouse(t, api.url, [
    batch('1', ['a', 2, OrderStatus.CONFIRMED]),
  ]);
  await eventually(() => assert.equal(api.steps.length, 1));
  await stop();
  assert.deepEqual([acknowledged, rejected], [[], []]);
});
