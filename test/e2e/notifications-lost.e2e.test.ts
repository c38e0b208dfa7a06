import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { findFreePort } from '../../tools/stack/index.ts';
import { metricOf } from '../harness/app-metric.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { paced } from '../harness/paced.ts';
import { appEnv } from '../harness/order-apps.ts';

const IDLE_POLL_MS = 1_500;
/** For everything else that happens on the way, on a busy machine. */
const MARGIN_MS = 5_000;

test('without notifications an event waits for the next look at the outbox, and no longer', async (t) => {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  // Nobody answers where the relay would listen.
  const unheard = Object.assign(new URL(url), { port: String(await findFreePort()) }).href;
  const env = appEnv({ databaseUrl: url, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  const orders = createOrderClient(api.urls.http);
  const relay = await startApp(t, 'relay', {
    ...env.relay,
    DATABASE_DIRECT_URL: unheard,
    RELAY_IDLE_POLL_MS: String(IDLE_POLL_MS),
  });
  const published = () => metricOf(relay, 'outbox_published_total');
  await orders.place();
  await eventually(async () => assert.equal(await published(), 1));

  const lagsMs: number[] = [];
  for (let order = 2; order <= 4; order += 1) {
    // Long enough for the looks at the outbox to become rare.
    await pause(IDLE_POLL_MS);
    const placedAtMs = performance.now();
    await orders.place();
    await eventually(async () => assert.equal(await published(), order));
    lagsMs.push(Math.round(performance.now() - placedAtMs));
  }

  const longestMs = Math.max(...lagsMs);
  assert.ok(longestMs < IDLE_POLL_MS + paced(MARGIN_MS), `an event waited ${longestMs} ms`);
  assert.ok(
    relay.logs().some(({ connection }) => connection === 'wake-up listener'),
    'it could not listen',
  );
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);
  t.diagnostic(`waits of ${lagsMs.join(', ')} ms`);
});
