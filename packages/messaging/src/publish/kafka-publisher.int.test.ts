import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import type { PublishableEvent } from '@order-events/domain';
import { createTestTopic, type TestKafka } from '../../../../test/harness/index.ts';
import { createKafkaPublisher, type KafkaPublisher } from './kafka-publisher.ts';
import { createLogReader, type LogReader } from '../read/log-reader.ts';
import type { LogRecord } from '../wire/record-batch.ts';

interface Bench {
  readonly connection: TestKafka;
  readonly topic: string;
  readonly reader: LogReader;
  publisher(): KafkaPublisher;
}

async function setUp(
  t: TestContext,
  options: { partitions?: number; config?: Record<string, string> } = {},
): Promise<Bench> {
  const { connection, topic } = await createTestTopic(t, options);
  const reader = createLogReader({ ...connection, topic, clientId: 'test-reader' });
  t.after(() => reader.close());
  const transactionalIdPrefix = `test-${randomUUID()}`;
  return {
    connection,
    topic,
    reader,
    publisher() {
      const publisher = createKafkaPublisher({
        ...connection,
        topic,
        clientId: 'test',
        transactionalIdPrefix,
      });
      t.after(() => publisher.close());
      return publisher;
    },
  };
}

function createEvents(partition: number, count: number, value = '{"n":1}'): PublishableEvent[] {
  return Array.from({ length: count }, () => {
    const eventId = randomUUID();
    return { eventId, key: 'order-ü', partition, value, headers: { ce_id: eventId } };
  });
}

async function readAll(reader: LogReader): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const [from, to] = await Promise.all([reader.offsets('earliest'), reader.offsets('latest')]);
  await reader.read(from, to, (batch) => void records.push(...batch.records), AbortSignal.timeout(20_000));
  return records.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

const eventIdsOf = (records: readonly LogRecord[]) => records.map(({ headers }) => String(headers.ce_id));
const ids = (events: readonly PublishableEvent[]) => events.map(({ eventId }) => eventId);
const soon = () => AbortSignal.timeout(20_000);

test('events of several partitions are published in order, each with its offset', async (t) => {
  const { reader, publisher } = await setUp(t, { partitions: 3 });
  const kafka = publisher();
  const { topicId, partitionCount } = await kafka.describeTopic();
  assert.equal(partitionCount, 3);
  const claims = await Promise.all([0, 1, 2].map((partition) => kafka.claim(partition, 0n, soon())));
  assert.ok(claims.every((claim) => claim.topicId === topicId));
  const perPartition = [0, 1, 2].map((partition) => createEvents(partition, 250));
  const mixed = perPartition[0]!.flatMap((_, index) => perPartition.map((events) => events[index]!));

  const outcomes = await kafka.publish(mixed, soon());

  mixed.forEach((event, index) => {
    const offset = claims[event.partition]!.endOffset + BigInt(Math.floor(index / 3));
    assert.deepEqual(outcomes[index], { kind: 'published', offset });
  });
  const records = await readAll(reader);
  assert.deepEqual(eventIdsOf(records), ids(perPartition.flat()));
  const [first] = records;
  assert.equal(first?.key?.toString(), 'order-ü');
  assert.equal(first.value?.toString(), '{"n":1}');
  assert.ok(Math.abs(first.timestampMs - Date.now()) < 60_000);
});

test('a claim fences the older owner on every partition and finds what it has published', async (t) => {
  const { reader, publisher } = await setUp(t);
  const partitions = Array.from({ length: 12 }, (_, partition) => partition);
  const older = publisher();
  await Promise.all(partitions.map((partition) => older.claim(partition, 0n, soon())));
  const published = partitions.flatMap((partition) => createEvents(partition, 2));
  await older.publish(published, soon());

  const newer = publisher();
  const claims = await Promise.all(partitions.map((partition) => newer.claim(partition, 0n, soon())));
  const refused = await older.publish(
    partitions.flatMap((partition) => createEvents(partition, 1)),
    soon(),
  );

  for (const { partition, publishedIds, truncated } of claims) {
    const own = published.filter((event) => event.partition === partition);
    assert.deepEqual([...publishedIds], ids(own));
    assert.equal(truncated, false);
  }
  for (const outcome of refused) {
    assert.equal(outcome.kind, 'unknown');
    assert.match(outcome.kind === 'unknown' ? outcome.reason : '', /another writer has claimed it/);
  }
  const last = partitions.flatMap((partition) => createEvents(partition, 1));
  assert.ok((await newer.publish(last, soon())).every(({ kind }) => kind === 'published'));
  assert.deepEqual(eventIdsOf(await readAll(reader)).toSorted(), ids([...published, ...last]).toSorted());
});

test('a claim lists only what was published from the given offset on', async (t) => {
  const { publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  const { endOffset } = await kafka.claim(0, 0n, soon());
  const events = createEvents(0, 10);
  await kafka.publish(events, soon());

  const again = await kafka.claim(0, endOffset + 7n, soon());

  assert.deepEqual([...again.publishedIds], ids(events.slice(7)));
  assert.equal(again.truncated, false);
});

test('a record of a replay counts as one of its own', async (t) => {
  const { publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  await kafka.claim(0, 0n, soon());
  const [event] = createEvents(0, 1);
  const again = { ...event!, headers: { ...event!.headers, replay_id: 'r1' } };
  await kafka.publish([event!, again], soon());

  const { publishedIds } = await kafka.claim(0, 0n, soon());

  assert.deepEqual([...publishedIds], [event!.eventId, `${event!.eventId}/r1`]);
});

test('a log that ends before the given offset is told as truncated, with what it holds at its end', async (t) => {
  const { publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  const { endOffset } = await kafka.claim(0, 0n, soon());
  const events = createEvents(0, 5);
  await kafka.publish(events, soon());

  const claim = await kafka.claim(0, endOffset + 6n, soon());

  assert.equal(claim.truncated, true);
  assert.deepEqual([...claim.publishedIds], ids(events));
});

test('a log is known by an event in its place, and one that is shorter than what was acknowledged is noticed', async (t) => {
  const { publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  const { endOffset, topicId } = await kafka.claim(0, 0n, soon());
  const events = createEvents(0, 3);
  await kafka.publish(events, soon());
  const last = { offset: endOffset + 2n, eventId: events[2]!.eventId };

  const known = await kafka.claim(0, last.offset + 1n, soon(), { topicId, last });
  assert.deepEqual([known.truncated, [...known.publishedIds], known.mark], [false, [], { topicId, last }]);
  assert.deepEqual(await kafka.truncated(soon()), []);
  assert.deepEqual(
    await kafka.eventsAt(0, [0n, last.offset - 1n, last.offset], soon()),
    new Map([
      [last.offset - 1n, events[1]!.eventId],
      [last.offset, last.eventId],
    ]),
  );
  for (const mark of [
    { topicId, last: { ...last, eventId: 'another' } },
    { topicId: 'another', last },
    { topicId, last: { ...last, offset: known.endOffset } },
  ]) {
    assert.equal((await kafka.claim(0, 0n, soon(), mark)).truncated, true);
  }
});

test('an event that is too large is refused, those after it are held, and the rest goes on', async (t) => {
  const { reader, publisher } = await setUp(t, {
    partitions: 2,
    config: { 'max.message.bytes': '20000' },
  });
  const kafka = publisher();
  await Promise.all([kafka.claim(0, 0n, soon()), kafka.claim(1, 0n, soon())]);
  const before = createEvents(0, 30, 'x'.repeat(1_000)); // together too large for one batch
  const tooLarge = createEvents(0, 1, 'x'.repeat(21_000));
  const after = createEvents(0, 3);
  const elsewhere = createEvents(1, 4);

  const outcomes = await kafka.publish([...before, ...tooLarge, ...after, ...elsewhere], soon());

  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    [
      ...before.map(() => 'published'),
      'refused',
      ...after.map(() => 'held'),
      ...elsewhere.map(() => 'published'),
    ],
  );
  assert.match(outcomes[30]?.kind === 'refused' ? outcomes[30].reason : '', /MESSAGE_TOO_LARGE/);
  const held = await kafka.publish(after, soon());
  assert.ok(held.every(({ kind }) => kind === 'published'));
  assert.deepEqual(eventIdsOf(await readAll(reader)), ids([...before, ...after, ...elsewhere]));
});

test('a partition that is not claimed is an error, also after its claim was released', async (t) => {
  const { publisher } = await setUp(t, { partitions: 2 });
  const kafka = publisher();
  await kafka.claim(0, 0n, soon());
  const [onZero, onOne] = [createEvents(0, 1), createEvents(1, 1)];

  await assert.rejects(kafka.publish([...onZero, ...onOne], soon()), /partition 1 is not claimed/);
  kafka.release(0);
  await assert.rejects(kafka.publish(onZero, soon()), /partition 0 is not claimed/);
});

test('an event is certainly not in the topic when no broker was reached before the deadline', async (t) => {
  const { publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  await kafka.claim(0, 0n, soon());
  const events = createEvents(0, 2);

  assert.deepEqual(await kafka.publish(events, AbortSignal.abort()), [{ kind: 'held' }, { kind: 'held' }]);
  assert.deepEqual(
    (await kafka.publish(events, soon())).map(({ kind }) => kind),
    ['published', 'published'],
  );
});

test('records of an unfenced writer make the outcome unknown until the partition is claimed again', async (t) => {
  const { connection, topic, publisher } = await setUp(t, { partitions: 1 });
  const kafka = publisher();
  const { endOffset } = await kafka.claim(0, 0n, soon());
  const intruder = createKafkaPublisher({
    ...connection,
    topic,
    clientId: 'intruder',
    transactionalIdPrefix: `intruder-${randomUUID()}`,
  });
  t.after(() => intruder.close());
  await intruder.claim(0, 0n, soon());
  const events = createEvents(0, 1);

  const [outcome] = await kafka.publish(events, soon());

  assert.match(outcome?.kind === 'unknown' ? outcome.reason : '', /second writer/);
  await assert.rejects(kafka.publish(createEvents(0, 1), soon()), /not claimed/);
  const claim = await kafka.claim(0, endOffset, soon());
  assert.deepEqual([...claim.publishedIds], ids(events));
});
