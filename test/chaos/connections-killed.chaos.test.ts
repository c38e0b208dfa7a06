import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const KILLING_MS = 25_000;
const KILL_INTERVAL_MS = 500;

test('database connections killed twice a second under load: nothing is lost, doubled or reordered, and nobody ends', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl, brokers, topic };
  const apps = await startOrderApps(t, system);
  const load = startLoad(t, { apiUrl: apps.api.urls.http, workers: 8, changesPerSecond: 200 });
  await eventually(() => assert.ok(load.accepted.length > 100));

  const kills = await killConnections(databaseUrl, performance.now() + KILLING_MS);
  const acceptedMeanwhile = load.accepted.length;
  await eventually(() => assert.ok(load.accepted.length > acceptedMeanwhile + 100));
  await load.stop();

  assert.ok(kills > KILLING_MS / KILL_INTERVAL_MS, `${kills} connections were killed`);
  for (const failure of load.failures) assert.match(failure, /: 503 .*(service_unavailable|overloaded)/);
  const events = await assertTopicHoldsAll(system);
  assert.ok(events >= load.accepted.length);
  for (const app of [apps.api, apps.relay]) {
    await eventually(async () => assert.ok((await fetch(`${app.urls.admin}/readyz`)).ok));
  }
  t.diagnostic(`${kills} connections killed, ${load.failures.length} requests refused, ${events} events`);
});

/** Ends every connection of the apps to this database, again and again; answers how many. */
async function killConnections(databaseUrl: string, untilMs: number): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'killer' });
  await client.connect();
  let killed = 0;
  try {
    while (performance.now() < untilMs) {
      const { rowCount } = await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name <> 'killer'`,
      );
      killed += rowCount ?? 0;
      await pause(KILL_INTERVAL_MS);
    }
  } finally {
    await client.end();
  }
  return killed;
}
