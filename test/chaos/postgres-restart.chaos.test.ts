import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import { createTestTopic, eventually, startPostgres } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

test('PostgreSQL restarted and killed under load: every process survives and goes on, nothing is lost', async (t) => {
  const postgres = await startPostgres(t);
  await migrateToLatest(postgres.url);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl: postgres.url, brokers, topic };
  const { api, relay, gateway } = await startOrderApps(t, system);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 200 });
  const goesOn = async () => {
    const before = load.accepted.length;
    await eventually(() => assert.ok(load.accepted.length > before + 100));
  };
  await goesOn();
  for (const end of [() => postgres.stop(), () => postgres.kill(), () => postgres.stop()]) {
    await end();
    const refused = load.failures.length;
    await eventually(() => assert.ok(load.failures.length > refused));
    await postgres.restart();
    await goesOn();
  }
  await load.stop();
  assert.ok(load.failures.some((failure) => failure.includes('service_unavailable')));
  for (const failure of load.failures) assert.doesNotMatch(failure, /internal_error/);

  const events = await assertTopicHoldsAll(system);
  assert.ok(events >= load.accepted.length);
  for (const app of [api, relay, gateway]) {
    await eventually(async () => assert.ok((await fetch(`${app.urls.admin}/readyz`)).ok));
  }
});
