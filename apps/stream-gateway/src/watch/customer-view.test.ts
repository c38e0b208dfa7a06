import assert from 'node:assert/strict';
import test from 'node:test';
import { AccessError } from '@order-events/access';
import { OrderFilter, WatchOrdersResponse } from '@order-events/order-stream';
import { createCustomerSeal } from '../position/customer-seal.ts';
import { encodeResumeToken } from '../position/resume-token.ts';
import { StreamError } from '../stream/stream-error.ts';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import { createCustomerView } from './customer-view.ts';
import type { WatchMessage } from './watch-message.ts';

const SECRET = 'a secret of all replicas, long enough';
const view = createCustomerView('c-1', SECRET);
const { open } = createCustomerSeal(SECRET, 'c-1');
const TOKEN = encodeResumeToken({ kind: 'offsets', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', next: [7n, 8n] });

async function collect(messages: AsyncIterable<WatchMessage>): Promise<WatchMessage[]> {
  const collected: WatchMessage[] = [];
  for await (const message of messages) collected.push(message);
  return collected;
}

async function told(...messages: WatchMessage[]): Promise<WatchMessage[]> {
  async function* given() {
    yield* messages;
  }
  return collect(view.messages(given()));
}

test('the customer is in every filter, and another one is refused, never left out', () => {
  assert.deepEqual(view.filter(undefined).customerIds, ['c-1']);
  const named = view.filter(OrderFilter.fromPartial({ customerIds: ['c-1'], orderIds: ['o'] }));
  assert.deepEqual([named.customerIds, named.orderIds], [['c-1'], ['o']]);
  for (const customerIds of [['c-2'], ['c-1', 'c-2'], ['C-1'], ['c-1 ']]) {
    const isForbidden = (error: unknown) => error instanceof AccessError && error.reason === 'customer';
    assert.throws(() => view.filter(OrderFilter.fromPartial({ customerIds })), isForbidden);
  }
});

test('events have no place in the log, figures are not known, and tokens are sealed', async () => {
  const watched = createWatchedLog({ partitions: 1 });
  watched.open();
  watched.append(0, [orderEvent({ customerId: 'c-2' }), orderEvent({ customerId: 'c-1' })]);
  const event = watched.log.blockAt(0, 1n)!.events[1]!;
  const [batch, heartbeat, behind, gap] = await told(
    { events: [event], resumeToken: TOKEN },
    {
      events: [],
      resumeToken: TOKEN,
      signal: { kind: 'heartbeat', backlogEvents: 9n, completeThroughMs: 7 },
    },
    { events: [], resumeToken: TOKEN, signal: { kind: 'fell behind', backlogEvents: 9n } },
    { events: [], resumeToken: TOKEN, signal: { kind: 'gap', fromToken: TOKEN, missedEvents: 9n } },
  );
  const [streamed] = WatchOrdersResponse.decode(batch!.events[0]!.encoded).events;
  assert.deepEqual([streamed?.partition, streamed?.offset, streamed?.customerId], [0, 0n, 'c-1']);
  const [whole] = WatchOrdersResponse.decode(event.encoded).events;
  assert.deepEqual(streamed, { ...whole, partition: 0, offset: 0n });
  for (const message of [batch, heartbeat, behind, gap]) assert.equal(open(message!.resumeToken), TOKEN);
  assert.deepEqual(
    [heartbeat?.signal, behind?.signal],
    [
      { kind: 'heartbeat', backlogEvents: 0n, completeThroughMs: 7 },
      { kind: 'fell behind', backlogEvents: 0n },
    ],
  );
  assert.ok(gap?.signal?.kind === 'gap' && gap.signal.missedEvents === 0n);
  assert.equal(open(gap.signal.fromToken), TOKEN);
});

test('an error keeps its reason and sealed tokens, and loses its figures', async () => {
  const details = { earliest_token: TOKEN, missed_events: '9', backlog_events: '9' };
  async function* failing(): AsyncGenerator<WatchMessage> {
    yield { events: [], resumeToken: TOKEN };
    throw new StreamError('EVENTS_UNREADABLE', 'text', { details });
  }
  await assert.rejects(collect(view.messages(failing())), (error) => {
    assert.ok(error instanceof StreamError);
    assert.deepEqual([error.reason, error.message], ['EVENTS_UNREADABLE', 'text']);
    assert.deepEqual(Object.keys(error.details), ['earliest_token']);
    return open(error.details['earliest_token'] ?? '') === TOKEN;
  });
});
