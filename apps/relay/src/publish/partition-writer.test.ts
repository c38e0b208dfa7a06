import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { EventPublisher, PublishableEvent, PublishOutcome } from '@order-events/domain';
import type { PendingEvent } from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import { createKeyParking, type ParkedEvents } from './key-parking.ts';
import { createPartitionWriter } from './partition-writer.ts';

const PARTITION = 3;
const NEVER = new AbortController().signal;
const HELD_TWICE: PublishOutcome[] = [{ kind: 'held' }, { kind: 'held' }];

/** A publisher whose answers the test decides; it appends what it "published" to `log`. */
function mockPublisher(answers: ((events: readonly PublishableEvent[]) => PublishOutcome[])[] = []) {
  const topic: string[] = [];
  const publish = mock.fn<EventPublisher['publish']>(async (events) => {
    const answer = answers.shift();
    const outcomes =
      answer?.(events) ??
      events.map((_, index) => ({ kind: 'published' as const, offset: BigInt(topic.length + index) }));
    events.forEach((event, index) => {
      if (outcomes[index]?.kind === 'published') topic.push(event.eventId);
    });
    return outcomes;
  });
  return { publisher: { publish }, topic, publish };
}

function setup(options: {
  answers?: ((events: readonly PublishableEvent[]) => PublishOutcome[])[];
  ledger?: string[];
  endOffset?: bigint;
  fromOffset?: bigint;
}) {
  const mocked = mockPublisher(options.answers);
  const observer = { published: mock.fn(), alreadyPublished: mock.fn(), failed: mock.fn() };
  const claim = mock.fn(async () => ({
    partition: PARTITION,
    endOffset: options.endOffset ?? 0n,
    publishedIds: new Set(options.ledger ?? []),
    truncated: false,
    topicId: 'topic',
    startOffset: 0n,
    endBefore: 0n,
    readFrom: 0n,
    mark: { topicId: 'topic' },
  }));
  const parked: (PendingEvent & { cause: string })[] = [];
  const park = mock.fn<ParkedEvents['park']>(async (events) => void parked.push(...events));
  const firstOf: ParkedEvents['firstOf'] = async (_partition, keys) =>
    new Map(
      keys.flatMap((key) => {
        const first = parked.find((event) => event.key === key);
        return first ? [[key, first.eventId] as const] : [];
      }),
    );
  const parking = createKeyParking(PARTITION, { park, firstOf }, () => {});
  const log = createLogger({ service: 'test', level: 'silent' });
  const warn = mock.method(log, 'warn', () => {});
  mock.method(log, 'child', () => log);
  const onOnlyInTopic = mock.fn<(eventIds: readonly string[]) => void>();
  const writer = createPartitionWriter({
    partition: PARTITION,
    fromOffset: options.fromOffset ?? 0n,
    publisher: mocked.publisher,
    claims: { claim },
    parking,
    observer,
    onOnlyInTopic,
    log,
  });
  return { writer, observer, onOnlyInTopic, claim, warn, parking, park, parked, ...mocked };
}

function pending(...ids: string[]): PendingEvent[] {
  return ids.map((eventId, index) => ({
    seq: BigInt(index),
    eventId,
    eventType: 'order.created',
    key: 'order-1',
    partition: PARTITION,
    payload: '{}',
    headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    createdAt: new Date(),
  }));
}

test('events are published in order, with their headers and the payload untouched', async () => {
  const { writer, publish, topic } = setup({});
  await writer.claim(NEVER);
  assert.equal(await writer.deliver(pending('a', 'b'), NEVER), 'published');
  assert.deepEqual(topic, ['a', 'b']);
  const sent = publish.mock.calls[0]?.arguments[0][0];
  assert.equal(sent?.value, '{}');
  assert.equal(sent?.headers['ce_id'], 'a');
  assert.equal(sent?.headers['ce_type'], 'order.created');
  assert.match(sent?.headers['traceparent'] ?? '', /^00-0af7/);
  assert.equal(writer.logOffset(), 2n);
});

test('what the topic holds after a take-over is not published again', async () => {
  const { writer, topic, observer } = setup({ ledger: ['a', 'b'], endOffset: 7n, fromOffset: 5n });
  await writer.claim(NEVER);
  assert.equal(writer.logOffset(), 5n, 'events beyond the cursor lie before the end');
  assert.equal(await writer.deliver(pending('a', 'b', 'c'), NEVER), 'published');
  assert.deepEqual(topic, ['c']);
  assert.deepEqual(
    observer.alreadyPublished.mock.calls.map((call) => call.arguments[0]),
    [2],
  );
});

test('the stored offset stays until nothing beyond the cursor is known to be published', async () => {
  const { writer } = setup({
    ledger: ['a', 'z'],
    endOffset: 7n,
    fromOffset: 5n,
    answers: [(events) => events.map((_, index) => ({ kind: 'published', offset: 7n + BigInt(index) }))],
  });
  await writer.claim(NEVER);
  await writer.deliver(pending('a', 'b'), NEVER);
  assert.equal(writer.logOffset(), 5n, 'z is in the topic, and the cursor does not cover it');
  writer.forgetLedger();
  assert.equal(writer.logOffset(), 8n);
});

test('what the topic holds and the database has not shown by the end of the window is told, once; a replay is not', async () => {
  const { writer, onOnlyInTopic } = setup({ ledger: ['a', 'lost', 'b/replay'] });
  await writer.claim(NEVER);
  await writer.deliver(pending('a', 'new'), NEVER);
  assert.equal(onOnlyInTopic.mock.callCount(), 0);
  for (let windows = 0; windows < 2; windows++) writer.forgetLedger();
  assert.deepEqual(
    onOnlyInTopic.mock.calls.map((call) => call.arguments[0]),
    [['lost']],
  );
});

test('after a partial publish the same events again publish only the rest', async () => {
  const { writer, topic, warn } = setup({
    answers: [() => [{ kind: 'published', offset: 0n }, { kind: 'held' }, { kind: 'held' }]],
  });
  await writer.claim(NEVER);
  assert.equal(await writer.deliver(pending('a', 'b', 'c'), NEVER), 'held');
  assert.equal(writer.logOffset(), 0n);
  assert.equal(await writer.deliver(pending('a', 'b', 'c'), NEVER), 'published');
  assert.deepEqual(topic, ['a', 'b', 'c']);
  assert.equal(warn.mock.callCount(), 0, 'holding back is no failure of its own');
});

test('a refused event is parked with its cause, later events of its key wait behind it, and the others go on', async () => {
  const { writer, topic, parked, warn, observer } = setup({
    answers: [
      () => [{ kind: 'published', offset: 0n }, { kind: 'refused', reason: 'too large' }, ...HELD_TWICE],
    ],
  });
  await writer.claim(NEVER);
  const [a, b, c, d] = pending('a', 'b', 'c', 'd') as [
    PendingEvent,
    PendingEvent,
    PendingEvent,
    PendingEvent,
  ];
  const page = [a, { ...b, key: 'order-2' }, c, { ...d, key: 'order-2' }];
  assert.equal(await writer.deliver(page, NEVER), 'published');
  assert.deepEqual(topic, ['a', 'c']);
  assert.deepEqual(
    parked.map(({ eventId, cause }) => [eventId, cause]),
    [
      ['b', 'too large'],
      ['d', 'waits for b'],
    ],
  );
  assert.equal(warn.mock.callCount(), 1);
  assert.deepEqual(observer.failed.mock.calls[0]?.arguments, ['refused']);
  assert.equal(await writer.deliver([{ ...a, eventId: 'e', key: 'order-2' }], NEVER), 'published');
  assert.deepEqual(topic, ['a', 'c'], 'also in later pages');
});

test('a key whose parked events were discarded meanwhile is free', async () => {
  const { writer, topic, parked } = setup({ answers: [() => [{ kind: 'refused', reason: 'too large' }]] });
  await writer.claim(NEVER);
  assert.equal(await writer.deliver(pending('a'), NEVER), 'published');
  parked.length = 0;
  assert.equal(await writer.deliver(pending('b'), NEVER), 'published');
  assert.deepEqual(topic, ['b']);
  assert.deepEqual(parked, []);
});

test('an event that cannot be parked holds its partition and is not skipped', async () => {
  const { writer, topic, park } = setup({ answers: [() => [{ kind: 'refused', reason: 'too large' }]] });
  await writer.claim(NEVER);
  park.mock.mockImplementationOnce(() => Promise.reject(new Error('the database is away')));
  assert.equal(await writer.deliver(pending('a'), NEVER), 'held');
  assert.equal(await writer.deliver(pending('a'), NEVER), 'published', 'Kafka takes it now');
  assert.deepEqual(topic, ['a']);
});

test('events apart from the cursor count as published until their record is stored', async () => {
  const { writer, topic } = setup({
    answers: [() => [{ kind: 'published', offset: 0n }, { kind: 'held' }]],
  });
  await writer.claim(NEVER);
  const events = pending('a', 'b').map((event) => ({ ...event, replayId: 'r' }));
  assert.deepEqual(await writer.deliverApart(events, NEVER), { kind: 'held', published: 1 });
  assert.equal(writer.logOffset(), 0n, 'the next owner must find a in the topic');
  writer.settle(events.slice(0, 1));
  assert.equal(writer.logOffset(), 1n);
  assert.equal(await writer.deliver(pending('a'), NEVER), 'published');
  assert.deepEqual(topic, ['a', 'a'], 'a replay does not stand for the event itself');
});

test('an unknown outcome asks for a claim, and the claim tells what became of it', async () => {
  const { writer, claim } = setup({
    answers: [() => [{ kind: 'unknown', reason: 'time-out' }, { kind: 'held' }]],
  });
  await writer.claim(NEVER);
  assert.equal(await writer.deliver(pending('a', 'b'), NEVER), 'unclaimed');
  await writer.claim(NEVER);
  assert.deepEqual(
    claim.mock.calls.map((call) => call.arguments),
    [
      [PARTITION, 0n, NEVER, undefined],
      [PARTITION, 0n, NEVER, undefined],
    ],
  );
});

test('a publisher that throws is a warning, not an error of the relay', async () => {
  const { writer, warn } = setup({
    answers: [
      () => {
        throw new Error('not claimed');
      },
    ],
  });
  assert.equal(await writer.deliver(pending('a'), NEVER), 'unclaimed');
  assert.equal(warn.mock.callCount(), 1);
});

test('what is requeued while the cursor may lag behind its row is not published again with the row', async () => {
  const { writer, topic } = setup({});
  const events = pending('a', 'b');
  await writer.claim(NEVER);
  assert.deepEqual(await writer.deliverApart(events, NEVER), { kind: 'published', published: 2 });
  writer.settle(events);
  assert.equal(writer.logOffset(), 0n, 'whoever takes over must find them');
  assert.equal(await writer.deliver(events, NEVER), 'published');
  assert.deepEqual(topic, ['a', 'b']);

  writer.forgetLedger();
  assert.equal(writer.logOffset(), 2n);
  assert.deepEqual(await writer.deliverApart(pending('c'), NEVER), { kind: 'published', published: 1 });
  writer.settle(pending('c'));
  assert.equal(writer.logOffset(), 3n, 'its row lies behind the cursor: nobody will come to it again');
});

test('events that were given up are left out, until the cursor covers them', async () => {
  const { writer, topic } = setup({});
  await writer.claim(NEVER);
  writer.leaveOut(['b']);
  assert.equal(await writer.deliver(pending('a', 'b', 'c'), NEVER), 'published');
  assert.deepEqual(topic, ['a', 'c']);
  writer.forgetLedger();
  assert.equal(await writer.deliver(pending('b'), NEVER), 'published');
  assert.deepEqual(topic, ['a', 'c', 'b']);
});

test('the mark is the last event that the topic holds, and markers of claims do not move the stored offset', async () => {
  const { writer } = setup({ endOffset: 4n, fromOffset: 2n });
  await writer.claim(NEVER);
  assert.equal(writer.logOffset(), 2n);
  await writer.deliver(pending('a', 'b'), NEVER);
  assert.deepEqual(writer.mark(), { topicId: 'topic', last: { offset: 1n, eventId: 'b' } });
});
