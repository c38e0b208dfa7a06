import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { OrderEventType, OrderStatus } from '@order-events/order-stream';
import { eventually } from '../../../../test/harness/index.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { HeldRecord, HeldState } from './held-order.ts';
import { createHeldOrders } from './held-orders.ts';

const EVENT: LogEvent = {
  ...{ partition: 0, offset: 0n, logTimeMs: 0, occurTimeMs: 0, eventId: 'event', ledgerId: 'event' },
  ...{ orderId: 'order', customerId: 'customer', encoded: new Uint8Array() },
  ...{ status: OrderStatus.PENDING, previousStatus: OrderStatus.UNSPECIFIED },
  eventType: OrderEventType.CREATED,
};
const DUE = { attempts: 1, forgivenAttempts: 1, reason: 'no', notBeforeMs: 0, delayMs: 0, isSetAside: false };
const MARKS = new Map([[0, 0n]]);

/** One partition with one held event, which is due unless it is in another state. */
function setUp(t: TestContext, state: HeldState = DUE) {
  let records: HeldRecord<LogEvent>[] = [{ event: EVENT, state }];
  const held = createHeldOrders({
    subscription: 'test',
    policy: { maxAttempts: 3, firstDelayMs: 10, growth: 2, maxDelayMs: 30 },
    limits: { events: 10, bytes: 10_000 },
    open: () => ({
      claim: async () => {},
      load: async () => ({ records, requests: [], unreadable: [] }),
      look: async () => ({ requests: [], unreadable: [] }),
      grown: async () => [],
      write: async () => void (records = []),
      close() {},
    }),
    commitMark: async () => {},
    onChange() {},
    onUnreadable: () => assert.fail('nothing is unreadable here'),
    onFailure: (error) => assert.fail(String(error)),
  });
  t.after(() => held.close());
  return {
    held,
    assign: () => held.assign(MARKS, new AbortController().signal),
    sent: (message: number) =>
      eventually(() => (held.due(() => 1n) ?? assert.fail('nothing is due')).sent(message)),
  };
}

test('an acknowledgement of a held event from before its partition began anew is not stored before the next one is', async (t) => {
  const { held, assign, sent } = setUp(t);
  assign();
  await sent(5);
  assert.equal(held.unwrittenMessage(), undefined);
  assign();
  held.acknowledge(5);
  assert.equal(held.unwrittenMessage(), 5, 'it is not known what is held');
  await sent(7);
  held.acknowledge(6);
  assert.equal(held.unwrittenMessage(), 5, 'it was sent again');
  held.acknowledge(7);
  await eventually(() => assert.equal(held.unwrittenMessage(), undefined));
});

test('a rejection answers for the acknowledgements before', async (t) => {
  const { held, assign, sent } = setUp(t);
  assign();
  await sent(5);
  assign();
  await sent(7);
  held.reject(EVENT.eventId, undefined, () => [], { reason: 'no', setAside: true });
  assert.equal(held.unwrittenMessage(), undefined);
});

test('a rejected event comes again after its delay, also when the clock is set back meanwhile', async (t) => {
  const { held, assign, sent } = setUp(t);
  assign();
  await sent(5);
  held.reject(EVENT.eventId, undefined, () => [], { reason: 'no' });
  const nowMs = Date.now;
  t.mock.method(Date, 'now', () => nowMs() - 3_600_000);
  await sent(6);
});

test('an event that is taken over waits for its own delay at most, whatever the clock of who stored it said', async (t) => {
  const { assign, sent, held } = setUp(t, { ...DUE, notBeforeMs: Date.now() + 3_600_000, delayMs: 300 });
  const startedMs = performance.now();
  assign();
  await sent(5);
  // The wall clock has whole milliseconds.
  assert.ok(performance.now() - startedMs >= 299, 'it comes no sooner either');
  assert.equal(held.outCount(), 1);
});
