import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/eventually.ts';
import {
  type ConsumeScript,
  JOINED,
  type ScriptedBatch,
  silence,
  startScriptedConsumers,
} from '../testing/scripted-gateway.ts';
import { handleOrders, type HandleOrdersOptions, Reject, Retry } from './handle-orders.ts';
import { OrderStreamError } from './order-stream-error.ts';

/** Events `order.version`, such as a.1. */
function batch(ackToken: string, ...eventIds: string[]): ScriptedBatch {
  const events = eventIds.map((eventId) => ({ eventId, orderId: eventId.split('.')[0] ?? '' }));
  return { ackToken, events };
}

/** Handles what a script sends, until the test has seen enough. */
async function setUp(t: Parameters<typeof startScriptedConsumers>[0], script: ConsumeScript) {
  const { address } = await startScriptedConsumers(t, script);
  const leaving = new AbortController();
  const handled: string[] = [];
  const start = (options: Partial<HandleOrdersOptions>) => {
    const done = handleOrders({
      ...{ address, subscription: 'test', minRetryDelayMs: 1, maxRetryDelayMs: 10, signal: leaving.signal },
      handle: ({ eventId }) => handled.push(eventId),
      ...options,
    });
    done.catch(() => undefined);
    t.after(() => leaving.abort());
    return done;
  };
  return { handled, leaving, start };
}

test('what is handled is acknowledged as far as nothing before it is open', async (t) => {
  const tokens: string[] = [];
  const { leaving, start } = await setUp(t, async function* (_, { acknowledgements, context }) {
    yield JOINED();
    yield batch('1', 'a.1', 'b.1');
    yield batch('2', 'c.1');
    for (;;) {
      const { value, done } = await acknowledgements.next();
      if (done) break;
      tokens.push(value);
      yield { signal: { $case: 'acknowledged', value: { ackToken: value } } };
    }
    await silence(context);
  });
  const ends = new Map<string, () => void>();
  const running = () => [...ends.keys()];
  const done = start({
    concurrency: 3,
    handle: ({ eventId }) => new Promise<void>((resolve) => ends.set(eventId, resolve)),
  });
  await eventually(() => assert.deepEqual(running(), ['a.1', 'b.1', 'c.1']));
  ends.get('c.1')?.();
  ends.get('a.1')?.();
  // It is left only when all that runs has ended, and then all is acknowledged at once.
  leaving.abort();
  ends.get('b.1')?.();
  await done;
  assert.deepEqual(tokens, ['2']);
});

test('what a handler throws rejects its event; what follows of the order is not begun, all others go on', async (t) => {
  const sent: unknown[] = [];
  const { handled, start } = await setUp(
    t,
    async function* (open, { acknowledgements, rejections, context }) {
      assert.equal(open.rejectPolicy?.maxAttempts, 7);
      yield JOINED();
      yield batch('1', 'a.1', 'b.1', 'c.1', 'd.1', 'a.2', 'd.2');
      const { value } = await acknowledgements.next();
      assert.equal(value, '1');
      sent.push(...rejections.map(({ eventId, reason, decision }) => [eventId, reason, decision?.$case]));
      yield batch('2', 'a.3', 'd.3');
      yield { signal: { $case: 'rejected', value: { eventId: 'a.1' } } };
      yield batch('3', 'a.1');
      await silence(context);
    },
  );
  const thrown: Readonly<Record<string, Error>> = {
    'a.1': new Retry('the stock is away', { delayMs: 100 }),
    'b.1': new Reject('unknown article'),
    'c.1': new Error('a fault'),
  };
  const failed = new Set<string>();
  const rejected: string[] = [];
  void start({
    rejectPolicy: { maxAttempts: 7 },
    onRejected: ({ eventId }) => rejected.push(eventId),
    handle: ({ eventId }) => {
      const error = thrown[eventId];
      if (error && !failed.has(eventId)) {
        failed.add(eventId);
        throw error;
      }
      handled.push(eventId);
    },
  });
  await eventually(() => assert.deepEqual(handled, ['d.1', 'd.2', 'd.3', 'a.1']));
  assert.deepEqual(rejected, ['a.1', 'b.1', 'c.1']);
  assert.deepEqual(sent, [
    ['a.1', 'the stock is away', 'retryDelay'],
    ['b.1', 'unknown article', 'setAside'],
    ['c.1', 'a fault', undefined],
  ]);
});

test('what was handled when its connection was gone is not handled again; what had not begun is, once', async (t) => {
  const { handled, start } = await setUp(t, async function* (_, { number, context }) {
    yield JOINED();
    yield batch('1', 'a.1', 'a.2', 'b.1');
    if (number === 1) {
      await eventually(() => assert.deepEqual(began, ['a.1']));
      throw new ServerError(Status.UNAVAILABLE, 'cut');
    }
    again.resolve();
    await silence(context);
  });
  const began: string[] = [];
  const again = Promise.withResolvers<void>();
  void start({
    handle: async ({ eventId }) => {
      began.push(eventId);
      if (eventId === 'a.1') await again.promise;
      handled.push(eventId);
    },
  });
  await eventually(() => assert.equal(handled.length, 3));
  assert.deepEqual(handled.toSorted(), ['a.1', 'a.2', 'b.1']);
  assert.deepEqual(began.toSorted(), handled.toSorted());
});

test('what waits of a share that went to another stream is not begun, and is when it comes back', async (t) => {
  const tokens: string[] = [];
  const share = (...partitions: number[]) =>
    ({ signal: { $case: 'assignmentChanged', value: { partitions } } }) as const;
  const sent = (ackToken: string, ...events: [eventId: string, partition: number][]) => ({
    ackToken,
    events: events.map(([eventId, partition]) => ({ eventId, orderId: eventId.slice(0, 1), partition })),
  });
  const gap: ScriptedBatch = { signal: { $case: 'gap', value: { missedEvents: 1n } } };
  const first = Promise.withResolvers<void>();
  const { handled, start } = await setUp(t, async function* (_, { acknowledgements, context }) {
    yield JOINED();
    yield share(0, 1);
    yield sent('1', ['a.1', 0], ['b.1', 1], ['c.1', 0]);
    await eventually(() => assert.equal(began, 1));
    yield share();
    yield share(0);
    // Read by the client before what follows is handled.
    yield sent('2', ['a.2', 0]);
    yield gap;
    for await (const token of { [Symbol.asyncIterator]: () => acknowledgements }) {
      tokens.push(token);
      yield { signal: { $case: 'acknowledged', value: { ackToken: token } } };
      if (token !== '2') continue;
      yield share(0, 1);
      yield sent('3', ['b.1', 1]);
    }
    await silence(context);
  });
  let began = 0;
  void start({
    handle: async ({ eventId }) => {
      began += 1;
      await first.promise;
      handled.push(eventId);
    },
    onGap: () => first.resolve(),
  });
  await eventually(() => assert.deepEqual([handled, tokens.at(-1)], [['a.1', 'c.1', 'a.2', 'b.1'], '3']));
});

test('what was acknowledged and comes again, as the server has not stored it, is acknowledged again', async (t) => {
  const tokens: string[] = [];
  const { handled, start } = await setUp(t, async function* (_, { number, acknowledgements, context }) {
    yield JOINED();
    yield batch(`of ${number}`, 'a.1');
    tokens.push((await acknowledgements.next()).value);
    if (number === 1) throw new ServerError(Status.UNAVAILABLE, 'cut');
    await silence(context);
  });
  void start({});
  await eventually(() => assert.deepEqual(tokens, ['of 1', 'of 2']));
  assert.deepEqual(handled, ['a.1']);
});

test('what a handler gives up when it is to leave is neither rejected nor acknowledged', async (t) => {
  const { start, leaving } = await setUp(t, async function* (_, { acknowledgements, rejections }) {
    yield JOINED();
    yield batch('1', 'a.1', 'b.1');
    const { done } = await acknowledgements.next();
    said.push(done, ...rejections.map(({ eventId }) => eventId));
  });
  const said: unknown[] = [];
  const began: string[] = [];
  const done = start({
    concurrency: 2,
    handle: async ({ eventId }) => {
      began.push(eventId);
      await eventually(() => assert.ok(leaving.signal.aborted));
      if (eventId === 'a.1') throw new Reject('decided');
      leaving.signal.throwIfAborted();
    },
  });
  await eventually(() => assert.equal(began.length, 2));
  leaving.abort();
  await done;
  await eventually(() => assert.deepEqual(said, [true, 'a.1']));
});

test('a refusal that no retry mends ends it, and so do a wrong option and what onRejected throws', async (t) => {
  const refused = await setUp(t, () => {
    throw new ServerError(Status.INVALID_ARGUMENT, 'no such name');
  });
  await assert.rejects(refused.start({ refusalPatienceMs: 0 }), OrderStreamError);
  const { start } = await setUp(t, async function* (_, { context }) {
    yield JOINED();
    yield batch('1', 'a.1');
    await silence(context);
  });
  for (const concurrency of [0, 1.5, Number.NaN]) {
    await assert.rejects(start({ concurrency }), /concurrency must be a whole number of at least 1, not/);
  }
  const fault = new Error('of the log');
  const fail = () => {
    throw fault;
  };
  await assert.rejects(start({ handle: fail, onRejected: fail }), fault);
});
