import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError, Status } from 'nice-grpc-common';
import {
  ACCESS_EXPIRING,
  refuse,
  type ScriptedMessage,
  silence,
  startScriptedConsumers,
  startScriptedGateway,
} from '../testing/scripted-gateway.ts';
import { createOrderStreamClient } from './client.ts';
import { consumeOrders } from './consume-orders.ts';
import { watchOrders, type WatchOrdersOptions } from './watch-orders.ts';

const QUICK = { minRetryDelayMs: 1, maxRetryDelayMs: 20 };
const REMAINING_MS = 400;

const message = (n: number): ScriptedMessage => ({
  events: [{ eventId: String(n) }],
  resumeToken: String(n),
});

/** Gives another token each time. */
function tokens() {
  let given = 0;
  return { token: () => Promise.resolve(`t${(given += 1)}`), given: () => given };
}

async function take(count: number, options: WatchOrdersOptions): Promise<string[]> {
  const eventIds: string[] = [];
  for await (const { events } of watchOrders({ ...QUICK, ...options })) {
    eventIds.push(...events.map(({ eventId }) => eventId));
    if (eventIds.length >= count) break;
  }
  return eventIds;
}

test('a token is asked for before each connection, and comes before an authorization of the metadata', async (t) => {
  const seen: unknown[] = [];
  const { address } = await startScriptedGateway(t, function* (_, { number, context }) {
    seen.push([context.metadata.get('authorization'), context.metadata.get('x-team')]);
    yield message(number);
    throw new ServerError(Status.UNAVAILABLE, 'cut');
  });
  const metadata = { authorization: 'Bearer old', 'x-team': 'billing' };
  assert.deepEqual(await take(2, { address, metadata, token: tokens().token }), ['1', '2']);
  assert.deepEqual(seen, [
    ['Bearer t1', 'billing'],
    ['Bearer t2', 'billing'],
  ]);
});

test('a single call has the token as well, and fails without its value when there can be none', async (t) => {
  const { address } = await startScriptedGateway(t, () => []);
  const { client, close } = createOrderStreamClient(address, { token: () => 'secret\n' });
  t.after(close);
  await assert.rejects(client.getReplayRange({}), (error: Error) => {
    assert.match(error.message, /authorization: must be printable/);
    return !error.message.includes('secret');
  });
});

test('a watch whose token expires goes on with another one before that, after the last message', async (t) => {
  const { address, requests } = await startScriptedGateway(t, async function* (_, { number, context }) {
    yield message(number);
    if (number === 1) yield { resumeToken: '1', ...ACCESS_EXPIRING(REMAINING_MS) };
    await silence(context);
  });
  const startedMs = performance.now();
  const { token, given } = tokens();
  assert.deepEqual(await take(2, { address, token }), ['1', '2']);
  const tookMs = performance.now() - startedMs;
  assert.deepEqual(requests[1]?.start?.position, { $case: 'resumeToken', value: '1' });
  assert.equal(given(), 2);
  t.diagnostic(`after ${Math.round(tookMs)} ms`);
});

test('a watch that has nothing but one token goes on with it to its end', async (t) => {
  const { address, requests } = await startScriptedGateway(t, async function* (_, { context }) {
    yield { resumeToken: '0', ...ACCESS_EXPIRING(0) };
    yield message(1);
    refuse(context, Status.UNAUTHENTICATED, 'over', { info: { reason: 'ACCESS_EXPIRED', metadata: {} } });
  });
  await assert.rejects(
    take(2, { address, metadata: { authorization: 'Bearer t' } }),
    /UNAUTHENTICATED: over/,
  );
  assert.equal(requests.length, 1);
});

test('a consumer leaves when all is acknowledged that it was given, so that nothing comes twice', async (t) => {
  const acknowledged: unknown[] = [];
  const { address, requests } = await startScriptedConsumers(
    t,
    async function* (_, { number, acknowledgements }) {
      yield { events: [{ eventId: String(number) }], ackToken: String(number) };
      if (number > 1) return;
      yield { ackToken: '1', ...ACCESS_EXPIRING(0) };
      // The end of the requests comes with the last acknowledgement.
      for (let next = await acknowledgements.next(); !next.done; next = await acknowledgements.next()) {
        acknowledged.push(next.value);
        yield { ackToken: '1', signal: { $case: 'acknowledged', value: { ackToken: '1' } } };
      }
    },
  );
  const { token, given } = tokens();
  const events: string[] = [];
  for await (const batch of consumeOrders({ ...QUICK, address, subscription: 's', token })) {
    events.push(...batch.events.map(({ eventId }) => eventId));
    batch.acknowledge();
    if (events.length === 2) break;
  }
  assert.deepEqual([events, acknowledged, requests.length, given()], [['1', '2'], ['1'], 2, 2]);
});
