import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Acknowledgements, createAcknowledgements } from './acknowledgements.ts';
import { createEventMemory } from './event-memory.ts';
import { ConsumeOrdersResponse } from './gen/orders/v1/order_stream.ts';

function setUp() {
  const memory = createEventMemory(100);
  const acknowledgements = createAcknowledgements(memory);
  return {
    memory,
    acknowledgements,
    given: (ackToken: string, ...eventIds: string[]) =>
      acknowledgements.track(
        ConsumeOrdersResponse.fromPartial({ ackToken, events: eventIds.map((eventId) => ({ eventId })) }),
      ).acknowledge,
  };
}

async function* tokensOf(acknowledgements: Acknowledgements): AsyncGenerator<string, void, undefined> {
  for await (const { request } of acknowledgements.requests()) {
    if (request?.$case === 'acknowledge') yield request.value?.ackToken ?? '';
  }
}

test('of the tokens that wait only the newest is sent', async () => {
  const { acknowledgements, given } = setUp();
  const [first, second, third] = [given('1', 'a'), given('2', 'b'), given('3', 'c')];
  const tokens = tokensOf(acknowledgements);
  first();
  second();
  assert.equal((await tokens.next()).value, '2');
  const next = tokens.next();
  third();
  assert.equal((await next).value, '3');
});

test('an event is remembered when its message, or a later one, is acknowledged', () => {
  const { memory, given } = setUp();
  given('1', 'a', 'b');
  const second = given('2', 'c');
  given('3', 'd');
  assert.equal(memory.has('a'), false);
  second();
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((eventId) => memory.has(eventId)),
    [true, true, true, false],
  );
});

test('the token that waits at the end is sent; what is acknowledged later is only remembered', async () => {
  const { memory, acknowledgements, given } = setUp();
  const [first, second] = [given('1', 'a'), given('2', 'b')];
  first();
  acknowledgements.close();
  second();
  const tokens = tokensOf(acknowledgements);
  assert.deepEqual(await tokens.next(), { done: false, value: '1' });
  assert.deepEqual(await tokens.next(), { done: true, value: undefined });
  assert.equal(memory.has('b'), true);
});

test('an end ends the wait for a token', async () => {
  const { acknowledgements } = setUp();
  const next = tokensOf(acknowledgements).next();
  acknowledgements.close();
  assert.deepEqual(await next, { done: true, value: undefined });
});

test('a message without a token acknowledges nothing', async () => {
  const { acknowledgements, given } = setUp();
  given('')();
  assert.equal(acknowledgements.areStored(), true);
});

/** Events `order.version`, such as a.1. */
function rejecting() {
  const memory = createEventMemory(100);
  const acknowledgements = createAcknowledgements(memory);
  const eventOf = (eventId: string) => ({ eventId, orderId: eventId.split('.')[0] ?? '' });
  const given = (ackToken: string, ...eventIds: string[]) =>
    acknowledgements.track(ConsumeOrdersResponse.fromPartial({ ackToken, events: eventIds.map(eventOf) }));
  const answered = (eventId: string) =>
    acknowledgements.track(
      ConsumeOrdersResponse.fromPartial({ signal: { $case: 'rejected', value: { eventId } } }),
    );
  const remembered = (...eventIds: string[]) => eventIds.filter((eventId) => memory.has(eventId));
  return { acknowledgements, given, answered, remembered };
}

const idsOf = ({ events }: { readonly events: readonly { readonly eventId: string }[] }) =>
  events.map(({ eventId }) => eventId);

test('behind a rejected event nothing of its order is given until the server has answered, nor remembered', () => {
  const { given, answered, remembered } = rejecting();
  const first = given('1', 'a.1', 'b.1', 'a.2');
  const second = given('2', 'a.3', 'b.2');
  first.reject(first.events[0]!, { reason: 'no' });
  const third = given('3', 'a.4', 'c.1');
  assert.deepEqual(idsOf(third), ['c.1']);
  answered('a.1');
  const fourth = given('4', 'a.1');
  assert.deepEqual(idsOf(fourth), ['a.1']);
  second.acknowledge();
  third.acknowledge();
  const all = ['a.1', 'a.2', 'a.3', 'a.4', 'b.1', 'b.2', 'c.1'];
  assert.deepEqual(remembered(...all), ['b.1', 'b.2', 'c.1']);
  fourth.acknowledge();
  assert.deepEqual(remembered(...all), ['a.1', 'b.1', 'b.2', 'c.1']);
});

test('an event before the rejected one of its order stays handled', () => {
  const { given, remembered } = rejecting();
  const message = given('1', 'a.1', 'a.2', 'a.3');
  message.reject(message.events[1]!, { reason: 'no' });
  message.acknowledge();
  assert.deepEqual(remembered('a.1', 'a.2', 'a.3'), ['a.1']);
});

test('a rejection is sent before the token that covers its event, with what was decided', async () => {
  const { acknowledgements, given } = rejecting();
  const first = given('1', 'a.1', 'b.1', 'c.1');
  const reasons = { reason: `${'x'.repeat(999)}\u{1f375}` };
  first.reject(first.events[0]!, { ...reasons, retryDelayMs: 1500 });
  first.reject(first.events[1]!, { reason: 'no', setAside: true });
  first.reject(first.events[2]!, { reason: 'no' });
  first.acknowledge();
  acknowledgements.close();
  const sent = [];
  for await (const { request } of acknowledgements.requests()) sent.push(request);
  const cut = `${'x'.repeat(999)}\ufffd`;
  const delay = { $case: 'retryDelay', value: { seconds: 1n, nanos: 500_000_000 } };
  assert.deepEqual(sent, [
    { $case: 'reject', value: { eventId: 'a.1', reason: cut, decision: delay } },
    {
      $case: 'reject',
      value: { eventId: 'b.1', reason: 'no', decision: { $case: 'setAside', value: true } },
    },
    { $case: 'reject', value: { eventId: 'c.1', reason: 'no', decision: undefined } },
    { $case: 'acknowledge', value: { ackToken: '1' } },
  ]);
});

test('what cannot be rejected any more is refused with its name', () => {
  const { given } = rejecting();
  const [first, second] = [given('1', 'a.1'), given('2', 'a.2')];
  const refused = (event = first.events[0]!) => ({
    name: 'TypeError',
    message: `event ${event.eventId} is none of this message that can be rejected still`,
  });
  assert.throws(() => second.reject(first.events[0]!, { reason: 'no' }), refused());
  first.reject(first.events[0]!, { reason: 'no' });
  assert.throws(() => first.reject(first.events[0]!, { reason: 'no' }), refused());
  second.acknowledge();
  assert.throws(() => second.reject(second.events[0]!, { reason: 'no' }), refused(second.events[0]!));
});

test('a stream is left when the server has answered rejections too', () => {
  const { acknowledgements, given, answered } = rejecting();
  const message = given('1', 'a.1');
  message.reject(message.events[0]!, { reason: 'no' });
  assert.equal(acknowledgements.areStored(), false);
  answered('a.1');
  assert.equal(acknowledgements.areStored(), true);
});
