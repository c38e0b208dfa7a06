import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import type { AppProcess } from '../../tools/stack/index.ts';
import { setScramPassword } from '../../tools/stack/index.ts';
import { createTestDatabase, eventually, startKafka } from '../harness/index.ts';
import { startLoad, startWatch } from '../harness/load.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const TOPIC = 'orders.events';
const PASSWORD = 'correct-horse';

test('with a wrong password relay and gateway say so and wait; once it is right, they go on without a restart', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const kafka = await startKafka(t, { securedFor: { username: 'orders', password: 'another' } });
  assert.ok(kafka.secured);
  const { brokers, caFile } = kafka.secured;
  await ensureTopic(
    { brokers: kafka.brokers, clientId: 'test' },
    { topic: TOPIC, partitions: 12, replicationFactor: 1 },
  );
  const env = {
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: caFile,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'orders',
    KAFKA_SASL_PASSWORD: PASSWORD,
  };
  const { api, relay, gateway } = await startOrderApps(t, { databaseUrl, brokers, topic: TOPIC, env });
  let delivered = 0;
  const watch = startWatch(t, { address: () => gateway.urls.grpc, onEvent: () => (delivered += 1) });
  await watch.started;
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 4, changesPerSecond: 50 });

  for (const app of [relay, gateway]) {
    await eventually(() => assert.match(logOf(app), /authentication failed.*check KAFKA_SASL_USERNAME/));
    assert.doesNotMatch(logOf(app), new RegExp(PASSWORD));
  }
  await eventually(() => assert.ok(load.accepted.length > 50));
  await setScramPassword(kafka.brokers, { username: 'orders', password: PASSWORD });
  await load.stop();

  assert.deepEqual(load.failures, []);
  const events = await assertTopicHoldsAll({ databaseUrl, brokers: kafka.brokers, topic: TOPIC });
  await eventually(() => assert.equal(delivered, events));
  assert.equal(watch.reconnects(), 0);
});

function logOf(app: AppProcess): string {
  return app
    .logs()
    .map((line) => JSON.stringify(line))
    .join('\n');
}
