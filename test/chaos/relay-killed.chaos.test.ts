import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createTestDatabase, createTestTopic, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const KILLS = 12;

test('a relay killed again and again under load loses, doubles and reorders nothing', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 16, changesPerSecond: 300 });

  for (let kill = 0; kill < KILLS; kill++) {
    const relay = await startApp(t, 'relay', env.relay);
    // Anywhere in its life: while it waits for the lease, claims, reads the ledger, publishes.
    await pause(200 + Math.random() * 4500);
    relay.kill('SIGKILL');
    await relay.exited;
  }
  await load.stop();
  assert.deepEqual(load.failures, []);

  await startApp(t, 'relay', env.relay);
  const events = await assertTopicHoldsAll({ databaseUrl, brokers, topic });
  t.diagnostic(`${KILLS} kills, ${events} events`);
});
