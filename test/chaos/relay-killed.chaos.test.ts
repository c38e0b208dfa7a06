import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startOrderLoad } from '../../tools/load/order-load.ts';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import { committedChanges } from '../harness/committed-changes.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';

const KILLS = 12;

test('a relay killed again and again under load loses, doubles and reorders nothing', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  const load = startOrderLoad({ apiUrl: api.urls.http, workers: 16, changesPerSecond: 300 });

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
  const committed = await committedChanges(databaseUrl);
  const audit = await eventually(
    async () => {
      const result = await auditTopic(brokers, topic, committed);
      assert.equal(result.missing, 0);
      return result;
    },
    { deadlineMs: 30_000, intervalMs: 500 },
  );
  t.diagnostic(`${KILLS} kills, ${committed.length} events`);
  assert.deepEqual(audit, { events: committed.length, missing: 0, duplicated: 0, outOfOrder: 0 });
});
