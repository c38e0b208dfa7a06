import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { decodeErrorDetails } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually, startApp, startKafka } from '../../../test/harness/index.ts';
import { addPartitions, deleteRecords } from '../../../test/harness/topic-admin.ts';
import { assertComplete, assertResumesAnywhere } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import { assertGuarantees } from '../../../test/watch-validation/watch-guarantees.ts';
import { createEventProducer } from '../testing/event-producer.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';

const EVERY_SECOND = { heartbeatInterval: { seconds: 1n } };
/** However long a frozen gateway does not answer, its streams are to stay: what they know of the log is what is tested. */
const PATIENT_GATEWAY = { GATEWAY_KEEPALIVE_MS: '3600000' };
const PATIENT_CLIENT = { channelOptions: { 'grpc.keepalive_time_ms': 3_600_000 } };

test('events deleted before a slow client has taken them end its stream with both ends, or are told as a gap', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_RING_BYTES: '1048576', GATEWAY_HISTORY_BYTES: '1048576' });
  const { watch, produce } = gateway;
  const streams = [false, true].map((allowGap) => watch({ ...EVERY_SECOND, allowGap, maxBatchSize: 1 }));
  const [strict, lenient] = streams as [(typeof streams)[0], (typeof streams)[0]];
  await Promise.all(streams.map((stream) => stream.signal('caughtUp')));
  const release = streams.map((stream) => stream.hold());
  const live = watch();
  await live.signal('caughtUp');
  const order = { orderId: randomUUID() };
  const count = 3_000;
  for (let version = 1; version < count; version += 200) {
    await produce(
      ...Array.from({ length: 200 }, (_, index) => orderEvent({ ...order, version: version + index })),
    );
  }
  await live.events(count);
  const whole = await readTopicLog(gateway);
  const { partition } = live.messages.flatMap(({ events }) => events)[0]!;
  await deleteRecords(gateway, new Map([[partition, 1_900n]]));
  for (const go of release) go();

  const { code, trailer } = await strict.ended;
  assert.equal(code, Status.OUT_OF_RANGE);
  const { info } = decodeErrorDetails(trailer);
  assert.equal(info?.reason, 'RESUME_TOKEN_EXPIRED');
  const { signal } = await lenient.signal('gap');
  assert.ok(signal?.$case === 'gap' && signal.value.missedEvents > 0n);
  await eventually(() => assertComplete([lenient.history(), live.history()], whole));
  assertGuarantees([strict.history()], whole);
  assert.equal(lenient.eventIds().length + Number(signal.value.missedEvents), count);
  const earliest = { $case: 'resumeToken', value: info.metadata['earliest_token'] ?? '' } as const;
  const restarted = watch({ ...EVERY_SECOND, start: { position: earliest } });
  const rest = await readTopicLog(gateway);
  await eventually(() => assertComplete([restarted.history()], rest));
  assert.equal(restarted.eventIds().length, count - 1_900);
});

test('partitions that are added are read by streams that run, from their beginning', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_PARTITION_CHECK_MS: '1000' });
  const running = gateway.watch(EVERY_SECOND);
  await running.signal('caughtUp');
  const before = orderEvent();
  await gateway.produce(before);
  await running.events(1);
  const token = running.token();
  await addPartitions(gateway, 14);
  const { produce } = await createEventProducer(t, { ...gateway, partitions: 14 });
  const added = Array.from({ length: 60 }, () => orderEvent());
  await produce(...added);

  const log = await readTopicLog(gateway);
  const resumed = gateway.watch({
    ...EVERY_SECOND,
    start: { position: { $case: 'resumeToken', value: token } },
  });
  await eventually(() => assertComplete([running.history(), resumed.history()], log));
  assert.ok(log.partitions[12]!.length + log.partitions[13]!.length > 0);
  assert.deepEqual(resumed.eventIds().toSorted(), added.map(({ eventId }) => eventId).toSorted());
  await assertResumesAnywhere(t, gateway.app.urls.grpc, running.history(), log);
});

/** Whether the gateway looks again before the log has grown past what it had read. */
const RETURNS = [
  { when: 'at once', isFrozen: false, count: 10 },
  { when: 'when the log has grown past that', isFrozen: true, count: 300 },
];

for (const { when, isFrozen, count } of RETURNS) {
  test(`a log that has lost its end says so to streams that were further, and begins anew for those that bear it, seen ${when}`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'order-events-truncated-'));
    const kafka = await startKafka(t, { dataDir });
    t.after(() => rm(dataDir, { recursive: true, force: true }));
    const topic = { brokers: kafka.brokers, topic: 'orders.events' };
    await ensureTopic(
      { ...topic, clientId: 'test' },
      { topic: topic.topic, partitions: 12, replicationFactor: 1 },
    );
    const { urls, pid } = await startApp(t, 'stream-gateway', {
      KAFKA_BROKERS: kafka.brokers.join(),
      KAFKA_TOPIC: topic.topic,
      ...PATIENT_GATEWAY,
    });
    const strict = recordWatch(t, urls.grpc, EVERY_SECOND, PATIENT_CLIENT);
    const lenient = recordWatch(t, urls.grpc, { ...EVERY_SECOND, allowGap: true }, PATIENT_CLIENT);
    await Promise.all([strict.signal('caughtUp'), lenient.signal('caughtUp')]);
    const first = await createEventProducer(t, topic);
    const lost = Array.from({ length: 30 }, () => orderEvent());
    await first.produce(...lost);
    await Promise.all([strict.events(30), lenient.events(30)]);
    const log = await readTopicLog(topic);
    assertComplete([strict.history(), lenient.history()], log);

    if (isFrozen) process.kill(pid, 'SIGSTOP');
    await kafka.stop();
    for (const directory of await readdir(dataDir)) {
      if (directory.startsWith(`${topic.topic}-`)) await removeRecords(join(dataDir, directory));
    }
    await kafka.start();
    const second = await createEventProducer(t, topic);
    const fresh = Array.from({ length: count }, () => orderEvent());
    if (isFrozen) {
      await second.produce(...fresh);
      process.kill(pid, 'SIGCONT');
    }
    const { code, message, trailer } = await strict.ended;
    assert.equal(code, Status.OUT_OF_RANGE, message);
    assert.equal(decodeErrorDetails(trailer).info?.reason, 'RESUME_TOKEN_AHEAD');
    await lenient.signal('gap');
    if (!isFrozen) await second.produce(...fresh);
    await lenient.events(30 + count);
    assert.deepEqual(lenient.eventIds().slice(30).toSorted(), fresh.map(({ eventId }) => eventId).toSorted());
    process.kill(pid, 0);
  });
}

/** What a disk that has lost its writes leaves: the partition, without its segments. */
async function removeRecords(directory: string): Promise<void> {
  for (const file of await readdir(directory)) {
    if (/\.(log|index|timeindex|snapshot|txnindex)$/.test(file)) await rm(join(directory, file));
  }
}
