import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CallContext, ServerError, Status } from 'nice-grpc-common';
import {
  DRAINING,
  refuse,
  type ScriptedMessage,
  silence,
  STARTED,
  startScriptedGateway,
} from '../testing/scripted-gateway.ts';
import { until, watchTraces } from '../testing/traces.ts';
import type { WatchOrdersRequest, WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';
import { OrderStreamError } from './order-stream-error.ts';
import { watchOrders, type WatchOrdersOptions } from './watch-orders.ts';

const QUICK = { minRetryDelayMs: 1, maxRetryDelayMs: 20 };

/** Message `n` carries events n.0, n.1 … and the token n. */
function message(n: number, events = 1): ScriptedMessage {
  const ids = Array.from({ length: events }, (_, index) => `${n}.${index}`);
  return { events: ids.map((eventId) => ({ eventId })), resumeToken: String(n) };
}

/** The number of the first message after the start of a request. */
function firstAfter({ start }: WatchOrdersRequest): number {
  return start?.position?.$case === 'resumeToken' ? Number(start.position.value) + 1 : 1;
}

async function take(count: number, options: WatchOrdersOptions): Promise<string[]> {
  const eventIds: string[] = [];
  for await (const { events } of watchOrders({ ...QUICK, ...options })) {
    eventIds.push(...events.map(({ eventId }) => eventId));
    if (eventIds.length >= count) break;
  }
  return eventIds;
}

test('any cut of the stream gives the sequence of one uninterrupted read', async (t) => {
  let cuts: number[] = [];
  let sizes: number[] = [];
  const { address } = await startScriptedGateway(t, function* (request) {
    const first = firstAfter(request);
    const until = Math.min(sizes.length, first - 1 + (cuts.shift() ?? Infinity));
    yield STARTED(15_000, String(first - 1));
    for (let n = first; n <= until; n++) yield message(n, sizes[n - 1]);
    throw new ServerError(Status.UNKNOWN, 'cut');
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }),
      async (sizesGiven, cutsGiven) => {
        sizes = [...sizesGiven, 1];
        cuts = [...cutsGiven];
        const whole = sizes.flatMap((size, index) =>
          Array.from({ length: size }, (_, event) => `${index + 1}.${event}`),
        );
        // Without a memory, so that a wrong token is not hidden by it.
        assert.deepEqual(await take(whole.length, { address, rememberedEvents: 0 }), whole);
      },
    ),
    { numRuns: 40 },
  );
});

test('an event that the server tells again is told once', async (t) => {
  const { address } = await startScriptedGateway(t, function* (_, { number }) {
    yield message(1, 2);
    if (number === 1) throw new ServerError(Status.UNAVAILABLE, 'cut');
    yield message(2);
  });
  assert.deepEqual(await take(3, { address }), ['1.0', '1.1', '2.0']);
});

test('until it has caught up it is taken up after a cut, and ends with the message that says so', async (t) => {
  const { address, requests } = await startScriptedGateway(t, async function* (request, { number, context }) {
    yield message(firstAfter(request));
    if (number < 3) throw new ServerError(Status.UNAVAILABLE, 'cut');
    yield { resumeToken: '9', signal: { $case: 'caughtUp', value: {} } };
    // A gateway that does not know of it.
    await silence(context);
  });
  const tokens: string[] = [];
  for await (const { resumeToken } of watchOrders({ address, ...QUICK, untilCaughtUp: true })) {
    tokens.push(resumeToken);
  }
  assert.deepEqual(tokens, ['1', '2', '3', '9']);
  assert.ok(requests.every(({ untilCaughtUp }) => untilCaughtUp));
});

test('messages without events are told too, for their tokens', async (t) => {
  const { address } = await startScriptedGateway(t, async function* (_, { context }) {
    yield STARTED();
    yield { resumeToken: '7', signal: { $case: 'heartbeat', value: { backlogEvents: 0n } } };
    await silence(context);
  });
  const tokens: string[] = [];
  for await (const { resumeToken } of watchOrders({ address, ...QUICK })) {
    tokens.push(resumeToken);
    if (tokens.length === 2) break;
  }
  assert.deepEqual(tokens, ['0', '7']);
});

test('a stream that the server ends is taken up at the token of its trailer', async (t) => {
  const { address, requests } = await startScriptedGateway(t, function* (_, { number, context }) {
    yield message(1);
    if (number > 1) return yield message(2);
    context.trailer.set('resume-token', 'further');
    throw new ServerError(Status.UNAVAILABLE, 'too old');
  });
  await take(2, { address });
  assert.deepEqual(requests[1]?.start?.position, { $case: 'resumeToken', value: 'further' });
});

test('after Draining the client stays for the delay, and comes back after it', async (t) => {
  const delayMs = 400;
  const { address } = await startScriptedGateway(t, async function* (request, { number, context }) {
    if (number > 1) return yield* [message(firstAfter(request))];
    yield STARTED();
    yield { resumeToken: '0', ...DRAINING(delayMs) };
    yield message(1);
    await silence(context);
  });
  const startedAtMs = performance.now();
  assert.deepEqual(await take(2, { address }), ['1.0', '2.0']);
  assert.ok(performance.now() - startedAtMs >= delayMs - 5);
});

test('a stream that ends while it drains is not taken up again before the delay', async (t) => {
  const delayMs = 400;
  const { address } = await startScriptedGateway(t, function* (_, { number }) {
    if (number > 1) return yield message(1);
    yield { resumeToken: '0', ...DRAINING(delayMs) };
    throw new ServerError(Status.UNAVAILABLE, 'stopped');
  });
  const startedAtMs = performance.now();
  assert.deepEqual(await take(1, { address }), ['1.0']);
  assert.ok(performance.now() - startedAtMs >= delayMs - 5);
});

test('the delay that a refusal asks for is kept', async (t) => {
  const retryDelayMs = 400;
  const { address } = await startScriptedGateway(t, function* (_, { number, context }) {
    if (number === 1) refuse(context, Status.RESOURCE_EXHAUSTED, 'full', { retryDelayMs });
    yield message(1);
  });
  const delays: number[] = [];
  const startedAtMs = performance.now();
  await take(1, { address, onInterruption: (_, delayMs) => delays.push(delayMs) });
  assert.deepEqual(delays, [retryDelayMs]);
  assert.ok(performance.now() - startedAtMs >= retryDelayMs - 5);
});

test('a server that refuses again and again is asked less and less often', async (t) => {
  const { address } = await startScriptedGateway(t, function* (_, { number }) {
    yield STARTED();
    if (number <= 6) throw new ServerError(Status.INTERNAL, 'broken');
    yield message(1);
  });
  const delays: number[] = [];
  const options = { address, minRetryDelayMs: 4, maxRetryDelayMs: 64 };
  await take(1, { ...options, onInterruption: (_, delayMs) => delays.push(delayMs) });
  const bounds = [4, 8, 16, 32, 64, 64];
  assert.ok(
    delays.every((delayMs, index) => delayMs >= bounds[index]! / 2 && delayMs <= bounds[index]!),
    String(delays),
  );
  assert.equal(delays.length, bounds.length);
});

test('three missed heartbeats end a stream that looks alive', async (t) => {
  const heartbeatMs = 100;
  const { address } = await startScriptedGateway(t, async function* (request, { number, context }) {
    yield STARTED(heartbeatMs);
    yield message(firstAfter(request));
    if (number === 1) await silence(context);
  });
  const causes: unknown[] = [];
  const startedAtMs = performance.now();
  assert.deepEqual(await take(2, { address, onInterruption: (cause) => causes.push(cause) }), ['1.0', '2.0']);
  assert.ok(performance.now() - startedAtMs >= 3 * heartbeatMs - 5);
  assert.match(String(causes[0]), /silent for 300 ms/);
});

test('a server that takes the call and never answers is left, too', async (t) => {
  const { address } = await startScriptedGateway(t, async function* (_, { number, context }) {
    if (number === 1) await silence(context);
    yield message(1);
  });
  assert.deepEqual(await take(1, { address, heartbeatIntervalMs: 500 }), ['1.0']);
});

test('a slow reader loses nothing: silence counts only while it waits', async (t) => {
  const heartbeatMs = 100;
  const { address, requests } = await startScriptedGateway(t, async function* (_, { context }) {
    yield STARTED(heartbeatMs);
    for (let n = 1; n <= 3; n++) yield message(n);
    await silence(context);
  });
  const eventIds: string[] = [];
  for await (const { events } of watchOrders({ address, ...QUICK })) {
    eventIds.push(...events.map(({ eventId }) => eventId));
    if (eventIds.length === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 4 * heartbeatMs));
  }
  assert.deepEqual(eventIds, ['1.0', '2.0', '3.0']);
  assert.equal(requests.length, 1);
});

for (const code of [
  Status.INVALID_ARGUMENT,
  Status.OUT_OF_RANGE,
  Status.FAILED_PRECONDITION,
  Status.PERMISSION_DENIED,
]) {
  test(`${Status[code]} ends the watch with an error that says what the server said`, async (t) => {
    const { address, requests } = await startScriptedGateway(t, (_, { context }) => {
      const metadata = { earliest_token: 'first', latest_token: 'last' };
      const violations = [{ field: 'start', description: 'must be right' }];
      refuse(context, code, 'no', { info: { reason: 'A_REASON', metadata }, violations });
    });
    await assert.rejects(take(1, { address }), (error) => {
      assert.ok(error instanceof OrderStreamError);
      const { reason, earliestToken, latestToken, violations } = error;
      assert.equal(error.code, code);
      assert.deepEqual([reason, earliestToken, latestToken], ['A_REASON', 'first', 'last']);
      assert.equal(violations[0]?.description, 'must be right');
      return true;
    });
    assert.equal(requests.length, 1);
  });
}

for (const code of [Status.UNAUTHENTICATED, Status.PERMISSION_DENIED, Status.UNIMPLEMENTED]) {
  test(`${Status[code]} that no gateway has said is tried again: a proxy says it while it starts`, async (t) => {
    const { address } = await startScriptedGateway(t, function* (_, { number }) {
      if (number <= 3) throw new ServerError(code, 'no route');
      yield message(1);
    });
    assert.deepEqual(await take(1, { address }), ['1.0']);
  });
}

for (const [code, what, answer] of [
  [Status.UNIMPLEMENTED, 'a refusal of a proxy that stays', () => {}],
  [
    Status.INTERNAL,
    'an answer that cannot be read',
    (context: CallContext) => context.trailer.set('grpc-status-details-bin', new Uint8Array(100_000)),
  ],
] as const) {
  test(`${what} ends the watch when it has been tried for long enough`, async (t) => {
    const { address, requests } = await startScriptedGateway(t, function* (_, { context }) {
      yield STARTED();
      answer(context);
      throw new ServerError(code, 'no');
    });
    await assert.rejects(
      take(1, { address, refusalPatienceMs: 2000 }),
      (error) => error instanceof OrderStreamError && error.code === code && error.reason === undefined,
    );
    assert.ok(requests.length > 2, `${requests.length} attempts`);
  });
}

test('refusals are borne again after each message', async (t) => {
  const { address } = await startScriptedGateway(t, function* (_, { number }) {
    if (number % 2 === 0) throw new ServerError(Status.UNKNOWN, 'no');
    yield message(number);
  });
  const retries = { minRetryDelayMs: 30, maxRetryDelayMs: 30, refusalPatienceMs: 50 };
  assert.deepEqual(await take(6, { address, ...retries }), ['1.0', '3.0', '5.0', '7.0', '9.0', '11.0']);
});

for (const [state, messages] of [
  ['waiting for a message', [STARTED()]],
  ['waiting for the first message', []],
] as const) {
  test(`an abort while ${state} ends the iteration and leaves nothing behind`, async (t) => {
    const gateway = await startScriptedGateway(t, async function* (_, { context }) {
      yield* messages;
      await silence(context);
    });
    const stopping = new AbortController();
    const { signal } = stopping;
    const traces = watchTraces(t, signal);
    const received: WatchOrdersResponse[] = [];
    const watching = (async () => {
      for await (const response of watchOrders({ address: gateway.address, signal })) received.push(response);
    })();
    await until(() => gateway.open() === 1 && received.length === messages.length);
    stopping.abort();
    await watching;
    await until(() => gateway.open() === 0);
    await traces.areGone();
  });
}

test('an abort while no gateway answers ends the pause', async () => {
  const stopping = new AbortController();
  const watching = take(1, {
    address: '127.0.0.1:1',
    signal: stopping.signal,
    minRetryDelayMs: 3_600_000,
    maxRetryDelayMs: 3_600_000,
    onInterruption: () => setImmediate(() => stopping.abort()),
  });
  assert.deepEqual(await watching, []);
});

test('leaving the loop closes the stream', async (t) => {
  const gateway = await startScriptedGateway(t, async function* (_, { context }) {
    for (let n = 1; n <= 100; n++) yield message(n);
    await silence(context);
  });
  await take(1, { address: gateway.address });
  await until(() => gateway.open() === 0);
});
