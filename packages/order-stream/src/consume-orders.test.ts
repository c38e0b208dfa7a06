import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerError, Status } from 'nice-grpc-common';
import {
  DRAINING,
  JOINED,
  refuse,
  type ScriptedBatch,
  silence,
  startScriptedConsumers,
} from '../testing/scripted-gateway.ts';
import { until, watchTraces } from '../testing/traces.ts';
import { consumeOrders, type ConsumedBatch, type ConsumeOrdersOptions } from './consume-orders.ts';
import { OrderStreamError } from './order-stream-error.ts';

const QUICK = { subscription: 'test', minRetryDelayMs: 1, maxRetryDelayMs: 20 };

/** Batch `n` carries events n.0, n.1 … and the token n. */
function batch(n: number, events = 1): ScriptedBatch {
  const ids = Array.from({ length: events }, (_, index) => `${n}.${index}`);
  return { events: ids.map((eventId) => ({ eventId })), ackToken: String(n) };
}

const STORED = (ackToken: string): ScriptedBatch => ({
  signal: { $case: 'acknowledged', value: { ackToken } },
});

const idsOf = ({ events }: ConsumedBatch) => events.map(({ eventId }) => eventId);

/** Handles and acknowledges one batch after another, until so many events are handled. */
async function handle(count: number, options: Omit<ConsumeOrdersOptions, 'subscription'>): Promise<string[]> {
  const handled: string[] = [];
  for await (const given of consumeOrders({ ...QUICK, ...options })) {
    handled.push(...idsOf(given));
    given.acknowledge();
    if (handled.length >= count) break;
  }
  return handled;
}

/** Takes the batches by hand, so that the test says what is acknowledged and when. */
function consumeByHand(options: Omit<ConsumeOrdersOptions, 'subscription'>) {
  const batches = consumeOrders({ ...QUICK, ...options });
  return {
    async next(): Promise<ConsumedBatch> {
      const { done, value } = await batches.next();
      return done ? assert.fail('the iteration has ended') : value;
    },
    leave: () => batches.return(),
  };
}

test('any cut gives each event once to one who acknowledges, also when no acknowledgement is ever stored', async (t) => {
  let cuts: number[] = [];
  let sizes: number[] = [];
  let stored = 0;
  let isStoring = true;
  const { address } = await startScriptedConsumers(t, async function* (_, { acknowledgements }) {
    const until = Math.min(sizes.length, stored + (cuts.shift() ?? Infinity));
    yield JOINED();
    for (let n = stored + 1; n <= until; n++) {
      yield batch(n, sizes[n - 1]);
      const { value } = await acknowledgements.next();
      if (isStoring) stored = Number(value);
      yield STORED(String(n));
    }
    throw new ServerError(Status.UNKNOWN, 'cut');
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }),
      fc.boolean(),
      async (sizesGiven, cutsGiven, isStoringGiven) => {
        sizes = [...sizesGiven, 1];
        cuts = [...cutsGiven];
        isStoring = isStoringGiven;
        stored = 0;
        const whole = sizes.flatMap((size, index) =>
          Array.from({ length: size }, (_, event) => `${index + 1}.${event}`),
        );
        assert.deepEqual(await handle(whole.length, { address }), whole);
      },
    ),
    { numRuns: 40 },
  );
});

test('events that were not acknowledged are given again after a reconnect, the others are not', async (t) => {
  const { address } = await startScriptedConsumers(t, function* (_, { number }) {
    yield* [batch(1, 2), batch(2, 2)];
    if (number === 1) throw new ServerError(Status.UNAVAILABLE, 'cut');
  });
  const consumer = consumeByHand({ address });
  const first = await consumer.next();
  assert.deepEqual(idsOf(first), ['1.0', '1.1']);
  first.acknowledge();
  assert.deepEqual(idsOf(await consumer.next()), ['2.0', '2.1']);
  assert.deepEqual(idsOf(await consumer.next()), []);
  assert.deepEqual(idsOf(await consumer.next()), ['2.0', '2.1']);
  await consumer.leave();
});

test('an acknowledgement stands for all batches before it', async (t) => {
  const tokens: string[] = [];
  const { address } = await startScriptedConsumers(t, async function* (_, { number, acknowledgements }) {
    yield* [batch(1), batch(2), batch(3)];
    if (number > 1) return;
    tokens.push((await acknowledgements.next()).value);
    throw new ServerError(Status.UNAVAILABLE, 'cut');
  });
  const consumer = consumeByHand({ address });
  const [first, second] = [await consumer.next(), await consumer.next()];
  await consumer.next();
  second.acknowledge();
  first.acknowledge();
  const again = [await consumer.next(), await consumer.next(), await consumer.next()];
  assert.deepEqual(again.map(idsOf), [[], [], ['3.0']]);
  assert.deepEqual(tokens, ['2']);
  await consumer.leave();
});

test('a batch of an earlier connection is not acknowledged on the next one, and its events are known to be handled', async (t) => {
  const tokens: string[] = [];
  const { address } = await startScriptedConsumers(t, async function* (_, { number, acknowledgements }) {
    yield { ...batch(1), ackToken: `1 of connection ${number}` };
    if (number === 1) throw new ServerError(Status.UNAVAILABLE, 'cut');
    yield batch(2);
    tokens.push((await acknowledgements.next()).value);
    yield STORED('2');
  });
  const consumer = consumeByHand({ address });
  const early = await consumer.next();
  assert.deepEqual(idsOf(await consumer.next()), ['1.0']);
  early.acknowledge();
  const late = await consumer.next();
  late.acknowledge();
  await consumer.next();
  assert.deepEqual(tokens, ['2']);
  await consumer.leave();
});

test('events acknowledged late are not given again', async (t) => {
  const { address } = await startScriptedConsumers(t, async function* (_, { number, context }) {
    yield batch(1);
    if (number <= 2) throw new ServerError(Status.UNAVAILABLE, 'cut');
    await silence(context);
  });
  const consumer = consumeByHand({ address });
  const early = await consumer.next();
  await consumer.next();
  early.acknowledge();
  assert.deepEqual(idsOf(await consumer.next()), []);
  await consumer.leave();
});

test('the stream is asked for what the options say', async (t) => {
  const { address, requests } = await startScriptedConsumers(t, function* () {
    yield batch(1);
  });
  const options = { heartbeatIntervalMs: 2_500, maxBatchSize: 7, maxUnacknowledgedEvents: 20 };
  await handle(1, {
    address,
    ...options,
    filter: { customerIds: ['c-1'] },
    start: { $case: 'latest', value: true },
  });
  const [open] = requests;
  assert.deepEqual(
    [open?.subscription, open?.maxBatchSize, open?.maxUnacknowledgedEvents, open?.filter?.customerIds],
    ['test', 7, 20, ['c-1']],
  );
  assert.deepEqual(open?.heartbeatInterval, { seconds: 2n, nanos: 500_000_000 });
  assert.deepEqual(open?.start?.position, { $case: 'latest', value: true });
});

for (const way of ['leaving the loop', 'an abort'] as const) {
  test(`${way} right after an acknowledgement leaves time to store it, and no more`, async (t) => {
    let isStored = false;
    const { address } = await startScriptedConsumers(t, async function* (_, { context, acknowledgements }) {
      yield batch(1);
      await acknowledgements.next();
      yield batch(2);
      isStored = true;
      yield STORED('1');
      await silence(context);
    });
    const stopping = new AbortController();
    let leftAtMs = 0;
    for await (const given of consumeOrders({ ...QUICK, address, signal: stopping.signal })) {
      assert.deepEqual(idsOf(given), ['1.0']);
      given.acknowledge();
      leftAtMs = performance.now();
      if (way === 'an abort') stopping.abort();
      else break;
    }
    assert.equal(isStored, true);
    // Far from both sides: the time it takes, and the second that it may take.
    assert.ok(performance.now() - leftAtMs < 900);
  });
}

test('a consumer that leaves tells the server so, and waits until it has ended the stream', async (t) => {
  const tokens: string[] = [];
  let hasEnded = false;
  const { address } = await startScriptedConsumers(t, async function* (_, { acknowledgements }) {
    yield batch(1);
    for (;;) {
      const { done, value } = await acknowledgements.next();
      if (done) break;
      tokens.push(value);
    }
    hasEnded = true;
  });
  await handle(1, { address });
  assert.deepEqual([tokens, hasEnded], [['1'], true]);
});

test('a server that does not store an acknowledgement is left all the same', async (t) => {
  const gateway = await startScriptedConsumers(t, async function* (_, { context }) {
    yield batch(1);
    await silence(context);
  });
  await handle(1, { address: gateway.address });
  await until(() => gateway.open() === 0);
});

for (const isAcknowledged of [true, false]) {
  const when = isAcknowledged ? 'at once when everything is acknowledged' : 'after the delay when not';
  test(`a consumer leaves a server that drains ${when}, and comes back after the delay`, async (t) => {
    const delayMs = 1_500;
    let leftAtMs = 0;
    const { address } = await startScriptedConsumers(t, async function* (_, { number, acknowledgements }) {
      yield batch(number);
      if (number > 1) return;
      if (isAcknowledged) await acknowledgements.next();
      yield DRAINING(delayMs);
      await acknowledgements.next();
      leftAtMs = performance.now();
    });
    const consumer = consumeByHand({ address });
    const first = await consumer.next();
    if (isAcknowledged) first.acknowledge();
    const startedAtMs = performance.now();
    await consumer.next();
    assert.deepEqual(idsOf(await consumer.next()), ['2.0']);
    assert.ok(performance.now() - startedAtMs >= delayMs - 50);
    assert.equal(leftAtMs - startedAtMs < delayMs / 2, isAcknowledged);
    await consumer.leave();
  });
}

test('three missed heartbeats end a stream that looks alive', async (t) => {
  const { address } = await startScriptedConsumers(t, async function* (_, { number, context }) {
    yield JOINED(100);
    yield batch(Math.min(number, 2));
    if (number === 1) await silence(context);
  });
  const causes: unknown[] = [];
  assert.deepEqual(await handle(2, { address, onInterruption: (cause) => causes.push(cause) }), [
    '1.0',
    '2.0',
  ]);
  assert.match(String(causes[0]), /silent for 300 ms/);
});

test('a subscription with another filter ends the iteration with an error', async (t) => {
  const { address, requests } = await startScriptedConsumers(t, (_, { context }) =>
    refuse(context, Status.FAILED_PRECONDITION, 'no', {
      info: { reason: 'SUBSCRIPTION_FILTER_DIFFERS', metadata: {} },
    }),
  );
  await assert.rejects(
    handle(1, { address }),
    (error) => error instanceof OrderStreamError && error.reason === 'SUBSCRIPTION_FILTER_DIFFERS',
  );
  assert.equal(requests.length, 1);
});

for (const [state, batches] of [
  ['waiting for a batch', [JOINED()]],
  ['waiting for the first batch', []],
] as const) {
  test(`an abort while ${state} ends the iteration and leaves nothing behind`, async (t) => {
    const gateway = await startScriptedConsumers(t, async function* (_, { context }) {
      yield* batches;
      await silence(context);
    });
    const stopping = new AbortController();
    const { signal } = stopping;
    const traces = watchTraces(t, signal);
    const received: ConsumedBatch[] = [];
    const consuming = (async () => {
      for await (const given of consumeOrders({ ...QUICK, address: gateway.address, signal })) {
        received.push(given);
      }
    })();
    await until(() => gateway.open() === 1 && received.length === batches.length);
    stopping.abort();
    await consuming;
    await until(() => gateway.open() === 0);
    await traces.areGone();
  });
}
