import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../test/harness/eventually.ts';
import { startWebhookReceiver } from '../testing/webhook-receiver.ts';
import { createWebhookSender } from './sender.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const NOTIFICATION = {
  id: 'event-1',
  customerId: 'c-1',
  orderId: 'o-1',
  text: 'Your order o-1 has arrived.',
};
const never = new AbortController().signal;

for (const status of [429, 503]) {
  test(`a receiver that answers ${status} is asked again, until it takes the notification`, async (t) => {
    const receiver = await startWebhookReceiver(t);
    receiver.answer(status);
    const sending = createWebhookSender(receiver.url, log)(NOTIFICATION, never);
    await eventually(() => assert.ok(receiver.requests() >= 2));
    receiver.answer(204);
    await sending;
    assert.deepEqual(receiver.accepted, [NOTIFICATION]);
  });
}

test('a notification that is refused holds up nothing', async (t) => {
  const receiver = await startWebhookReceiver(t);
  receiver.answer(400);
  await createWebhookSender(receiver.url, log)(NOTIFICATION, never);
  assert.equal(receiver.requests(), 1);
});

test('an abort ends the wait for an answer', async (t) => {
  const receiver = await startWebhookReceiver(t);
  receiver.answer(undefined);
  const stopping = new AbortController();
  const sending = createWebhookSender(receiver.url, log)(NOTIFICATION, stopping.signal);
  await eventually(() => assert.equal(receiver.requests(), 1));
  stopping.abort();
  await assert.rejects(sending, { name: 'AbortError' });
});
