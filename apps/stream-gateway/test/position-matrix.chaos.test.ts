import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { decodeErrorDetails, type OrderFilter } from '@order-events/order-stream';
import { ensureTopic } from '@order-events/messaging';
import { Status } from 'nice-grpc-common';
import { createTestTopic, eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { eventsFrom, type LogRange } from '../../../test/watch-validation/position-model.ts';
import { assertComplete } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import type { TopicLog } from '../../../test/watch-validation/topic-log.ts';
import { assertGuarantees } from '../../../test/watch-validation/watch-guarantees.ts';
import { lastToken } from '../../../test/watch-validation/watch-history.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { healthOf } from '../testing/gateway-health.ts';
import { orderEvent } from '../testing/order-events.ts';
import {
  createPositionedLog,
  FILTERS,
  ORDER_OF_ALL_FILTERS,
  type Start,
  startsOf,
} from '../testing/positioned-log.ts';
import { joinedHistory, recordWatch, type StreamRecording } from '../testing/stream-recorder.ts';

/** One cell of the matrix: a stream with a start and a filter, in the situation of its test. */
interface Cell extends Start {
  readonly filter: Partial<OrderFilter>;
  readonly allowGap: boolean;
  readonly stream: StreamRecording;
}

const PATIENCE = { intervalMs: 100 };
const SMALL_RING = { GATEWAY_RING_BYTES: '1048576' };

async function setUp(t: TestContext, topic: { brokers: string[]; topic: string }) {
  const log = await createPositionedLog(t, topic);
  // Started afterwards, so that its memory reaches no further back than the topic.
  const settings = { KAFKA_BROKERS: topic.brokers.join(), KAFKA_TOPIC: topic.topic, ...SMALL_RING };
  const gateway = await startApp(t, 'stream-gateway', settings);
  const address = gateway.urls.grpc;
  const range = await eventually(() => log.range(address), PATIENCE);
  return { ...log, topic, settings, gateway, address, range };
}

function openCells(t: TestContext, address: string, range: LogRange, gaps: readonly boolean[]): Cell[] {
  return gaps.flatMap((allowGap) =>
    startsOf(range, allowGap).flatMap((start) =>
      Object.entries(FILTERS).map(([filterName, filter]) => {
        const request = { filter, allowGap, start: { position: start.position }, maxBatchSize: 1 };
        const stream = recordWatch(t, address, { ...request, heartbeatInterval: { seconds: 1n } });
        const name = `${start.name} × ${filterName}${allowGap ? ' × allow_gap' : ''}`;
        return { ...start, name, filter, allowGap, stream };
      }),
    ),
  );
}

const reading = (cells: readonly Cell[]) => cells.filter(({ outcome }) => 'from' in outcome);

/** Every stream that is to be refused has been, and says why. */
async function assertRefusals(cells: readonly Cell[]): Promise<void> {
  for (const { name, outcome, stream } of cells) {
    if (!('refused' in outcome)) continue;
    const { code, trailer } = await stream.ended;
    const { info, violations } = decodeErrorDetails(trailer);
    assert.equal(code, outcome.refused, name);
    if (code === Status.INVALID_ARGUMENT) assert.equal(violations?.[0]?.field, 'start.resume_token', name);
    else assert.equal(info?.reason, outcome.reason, name);
    assert.deepEqual(stream.eventIds(), [], name);
  }
}

/** Every other stream gets what matches from its start on, after what it is told first. */
async function assertDeliveries(
  cells: readonly Cell[],
  log: TopicLog,
  told: readonly string[],
): Promise<void> {
  for (const { name, outcome, filter, stream, position } of reading(cells)) {
    if (!('from' in outcome)) continue;
    const expected = eventsFrom(log, outcome.from, filter);
    await eventually(() => assert.deepEqual(idsByPartition(stream, log), expected, name), PATIENCE);
    const gap = outcome.missed === undefined ? [] : ['gap'];
    await eventually(
      () => assert.deepEqual(signalsOf(stream), [...told, ...gap, 'caughtUp'], name),
      PATIENCE,
    );
    if (outcome.missed === undefined || position.$case !== 'resumeToken') continue;
    const { signal } = await stream.signal('gap');
    const value = { fromToken: position.value, missedEvents: outcome.missed };
    assert.deepEqual(signal, { $case: 'gap', value }, name);
  }
  assertGuarantees(
    cells.map(({ stream, name }) => ({ ...stream.history(), client: name })),
    log,
  );
}

function idsByPartition({ messages }: StreamRecording, log: TopicLog): string[][] {
  const events = messages.flatMap((message) => message.events);
  return log.partitions.map((_, partition) =>
    events.filter((event) => event.partition === partition).map(({ eventId }) => eventId),
  );
}

/** What a stream was told, each kind once, in the order of their first; heartbeats and delays of this machine aside. */
function signalsOf({ messages }: StreamRecording): string[] {
  const kinds = messages.flatMap(({ signal }) => {
    if (signal?.$case === 'sourceStateChanged')
      return signal.value.available ? ['available'] : ['unavailable'];
    return signal && signal.$case !== 'heartbeat' && signal.$case !== 'fellBehind' ? [signal.$case] : [];
  });
  return [...new Set(kinds)];
}

function signalCount({ messages }: StreamRecording, kind: string): number {
  return messages.filter(({ signal }) => signal?.$case === kind).length;
}

// They mostly wait, each for servers of its own.
describe('position × filter', { concurrency: true }, () => {
  test('live', async (t) => {
    const { append, topic, address, range } = await setUp(t, await createTestTopic(t));
    const cells = openCells(t, address, range, [false, true]);
    await assertRefusals(cells);
    await Promise.all(reading(cells).map(({ stream }) => stream.signal('caughtUp')));
    await append();
    await assertDeliveries(cells, await readTopicLog(topic), ['started']);
  });

  test('opened while Kafka is lost', async (t) => {
    const kafka = await startKafka(t);
    const topic = { brokers: kafka.brokers, topic: 'orders.events' };
    await ensureTopic(
      { ...topic, clientId: 'test' },
      { topic: topic.topic, partitions: 12, replicationFactor: 1 },
    );
    const { append, address, range } = await setUp(t, topic);
    await kafka.stop();
    await eventually(
      async () => assert.equal(await healthOf(address, 'orders.v1.KafkaSource'), 'NOT_SERVING'),
      PATIENCE,
    );
    const cells = openCells(t, address, range, [false, true]);
    const judgedAtOnce = ({ outcome }: Cell) =>
      'refused' in outcome && outcome.refused === Status.INVALID_ARGUMENT;
    await assertRefusals(cells.filter(judgedAtOnce));
    const waiting = cells.filter((cell) => !judgedAtOnce(cell));
    await Promise.all(waiting.map(({ stream }) => stream.signal('heartbeat')));
    for (const { name, stream } of waiting) {
      assert.deepEqual(signalsOf(stream), ['started', 'unavailable'], name);
    }
    await kafka.start();
    // First: once the log has grown, one past its end is a place in it.
    await assertRefusals(waiting);
    await Promise.all(reading(waiting).map(({ stream }) => stream.signal('caughtUp')));
    await append();
    await assertDeliveries(waiting, await readTopicLog(topic), ['started', 'unavailable', 'available']);
  });

  test('fallen behind the memory of the gateway', async (t) => {
    const { topic, address, range } = await setUp(t, await createTestTopic(t));
    const cells = openCells(t, address, range, [false]);
    await assertRefusals(cells);
    await Promise.all(reading(cells).map(({ stream }) => stream.signal('caughtUp')));
    const release = reading(cells).map(({ stream }) => stream.hold());
    const { produce } = await createEventProducer(t, topic);
    const live = recordWatch(t, address);
    await live.signal('caughtUp');
    const more = 2_000;
    for (let version = 100; version < 100 + more; version += 200) {
      const events = Array.from({ length: 200 }, (_, index) =>
        orderEvent({ ...ORDER_OF_ALL_FILTERS, version: version + index }),
      );
      await produce(...events);
    }
    await live.events(more);
    release.forEach((go) => go());
    for (const { filter, stream, name } of reading(cells)) {
      if (filter === FILTERS['nothing matches']) continue;
      const behind = await stream.signal('fellBehind');
      await eventually(() => assert.ok(signalCount(stream, 'caughtUp') > 1, name), PATIENCE);
      assert.ok(stream.messages.indexOf(behind) > 0);
    }
    await assertDeliveries(cells, await readTopicLog(topic), ['started']);
  });

  test('drained', async (t) => {
    const { append, topic, address, range, gateway, settings } = await setUp(t, await createTestTopic(t));
    const other = await startApp(t, 'stream-gateway', settings);
    const cells = openCells(t, address, range, [false]);
    await assertRefusals(cells);
    await Promise.all(reading(cells).map(({ stream }) => stream.signal('caughtUp')));
    await append();
    gateway.kill('SIGTERM');
    for (const { name, stream } of reading(cells)) {
      const { code } = await stream.ended;
      assert.equal(code, Status.UNAVAILABLE, name);
      assert.deepEqual(signalsOf(stream).toSorted(), ['caughtUp', 'draining', 'started'], name);
    }
    const resumed = reading(cells).map(({ filter, stream }) => {
      const start = { position: { $case: 'resumeToken', value: lastToken(stream.history())! } } as const;
      return recordWatch(t, other.urls.grpc, { filter, start, heartbeatInterval: { seconds: 1n } });
    });
    await append();
    const log = await readTopicLog(topic);
    await eventually(() => {
      for (const [index, { name, outcome, stream, filter }] of reading(cells).entries()) {
        const history = joinedHistory([stream, resumed[index]!]);
        assertComplete([{ ...history, client: name }], log);
        if (!('from' in outcome)) continue;
        const delivered = history.streams.flatMap(({ messages }) =>
          messages.flatMap(({ message }) => message.events),
        );
        assert.equal(delivered.length, eventsFrom(log, outcome.from, filter).flat().length, name);
      }
    }, PATIENCE);
  });
});
