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

/** A warehouse that is given these batches on each connection; `acknowledged` are the tokens that it sends. */
async function startWarehouse(t: TestContext, apiUrl: string, batches: readonly ScriptedBatch[]) {
  const acknowledged: string[] = [];
  const gateway = await startScriptedConsumers(t, async function* (_, { context, acknowledgements }) {
    for (const batch of batches) {
      yield batch;
      const { value: ackToken } = await acknowledgements.next();
      acknowledged.push(ackToken);
      yield { signal: { $case: 'acknowledged', value: { ackToken } } };
    }
    await silence(context);
  });
  const stopping = new AbortController();
  const log = createLogger({ service: 'test', level: 'silent' });
  const options = { gateway: gateway.address, subscription: 'test', api: createOrderApi(apiUrl), log };
  const running = fulfil(options, stopping.signal);
  const stop = async () => {
    stopping.abort();
    await running.catch((error: unknown) => assert.equal(error, stopping.signal.reason));
  };
  t.after(stop);
  return { acknowledged, stop, opened: gateway.requests };
}

const batch = (ackToken: string, ...events: [orderId: string, version: number, status: OrderStatus][]) => ({
  ackToken,
  events: events.map(([orderId, version, status]) => ({
    eventId: `${orderId}/${version}`,
    ...{ orderId, status, orderVersion: BigInt(version) },
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

test('of one order only the newest event of a batch is answered', async (t) => {
  const api = await startApi(t, () => 200);
  const { acknowledged } = await startWarehouse(t, api.url, [
    batch(
      '1',
      ['a', 2, OrderStatus.CONFIRMED],
      ['b', 2, OrderStatus.CONFIRMED],
      ['a', 3, OrderStatus.CONFIRMED],
    ),
  ]);
  await eventually(() => assert.deepEqual(acknowledged, ['1']));
  assert.deepEqual(api.steps.map(({ orderId, ifMatch }) => `${orderId} ${ifMatch}`).sort(), [
    'a "v3"',
    'b "v2"',
  ]);
});

for (const code of [412, 409, 404]) {
  test(`an order that cannot take the step (${code}) does not hold up the others`, async (t) => {
    const api = await startApi(t, ({ orderId }) => (orderId === 'a' ? code : 200));
    const { acknowledged } = await startWarehouse(t, api.url, [
      batch('1', ['a', 2, OrderStatus.CONFIRMED]),
      batch('2', ['b', 2, OrderStatus.CONFIRMED]),
    ]);
    await eventually(() => assert.deepEqual(acknowledged, ['1', '2']));
    assert.equal(api.steps.length, 2);
  });
}

test('while the API fails nothing is acknowledged, and the step is tried until it is taken', async (t) => {
  let isAway = true;
  const api = await startApi(t, (_, response) => {
    if (!isAway) return 200;
    // Once in between the answer is lost.
    if (api.steps.length === 2) return void response.destroy();
    return 503;
  });
  const { acknowledged } = await startWarehouse(t, api.url, [batch('1', ['a', 2, OrderStatus.CONFIRMED])]);
  await eventually(() => assert.ok(api.steps.length >= 4));
  assert.deepEqual(acknowledged, []);
  isAway = false;
  await eventually(() => assert.deepEqual(acknowledged, ['1']));
});

test('a stop while a step is tried leaves its event to the next process', async (t) => {
  const api = await startApi(t, () => undefined);
  const { acknowledged, stop } = await startWarehouse(t, api.url, [
    batch('1', ['a', 2, OrderStatus.CONFIRMED]),
  ]);
  await eventually(() => assert.equal(api.steps.length, 1));
  await stop();
  assert.deepEqual(acknowledged, []);
});
