import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAcknowledgements } from './acknowledgements.ts';
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
      ),
  };
}

test('of the tokens that wait only the newest is sent', async () => {
  const { acknowledgements, given } = setUp();
  const [first, second, third] = [given('1', 'a'), given('2', 'b'), given('3', 'c')];
  const tokens = acknowledgements.tokens();
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
  const tokens = acknowledgements.tokens();
  assert.deepEqual(await tokens.next(), { done: false, value: '1' });
  assert.deepEqual(await tokens.next(), { done: true, value: undefined });
  assert.equal(memory.has('b'), true);
});

test('an end ends the wait for a token', async () => {
  const { acknowledgements } = setUp();
  const next = acknowledgements.tokens().next();
  acknowledgements.close();
  assert.deepEqual(await next, { done: true, value: undefined });
});

test('a message without a token acknowledges nothing', async () => {
  const { acknowledgements, given } = setUp();
  given('')();
  assert.equal(acknowledgements.areStored(), true);
});
