import assert from 'node:assert/strict';
import test from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { createOrderStreamClient } from '@order-events/order-stream';
import { type CallOptions, Status } from 'nice-grpc-common';
import { eventually, startApp, startKafka } from '../../../../test/harness/index.ts';
import { failureOf, seek } from '../../testing/subscription-calls.ts';

test('without Kafka every call is answered soon, with UNAVAILABLE and when to try again', async (t) => {
  const kafka = await startKafka(t);
  const { brokers } = kafka;
  const topic = 'orders.events';
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 2, replicationFactor: 1 });
  const { urls } = await startApp(t, 'stream-gateway', { KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: topic });
  const { client, close } = createOrderStreamClient(urls.grpc);
  t.after(close);
  await eventually(() => client.listSubscriptions({}));
  const name = 'warehouse';
  const calls = [
    (options: CallOptions) => client.getSubscription({ name }, options),
    (options: CallOptions) => client.listSubscriptions({}, options),
    (options: CallOptions) => client.deleteSubscription({ name }, options),
    (options: CallOptions) => seek(client, name, { $case: 'earliest', value: true }, options),
  ];
  for (const [leave, comeBack] of [
    [() => kafka.freeze(), () => kafka.thaw()],
    [() => kafka.stop(), () => kafka.start()],
  ] as const) {
    await leave();
    // At once, before the gateway has noticed, as well as later.
    for (let round = 0; round < 2; round += 1) {
      const calledAtMs = performance.now();
      const failures = await Promise.all(calls.map((call) => failureOf(call)));
      assert.ok(performance.now() - calledAtMs < 15_000);
      const unavailable = { code: Status.UNAVAILABLE, why: 'SOURCE_UNAVAILABLE', retries: true };
      assert.deepEqual(
        failures,
        calls.map(() => unavailable),
      );
    }
    await comeBack();
    await eventually(() => client.listSubscriptions({}));
  }
});
