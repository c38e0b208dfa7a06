import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLogger } from '@order-events/runtime';
import pg from 'pg';
import { createTestDatabase, eventually, startPostgres } from '../../../test/harness/index.ts';
import type { WakeUpChannel } from './wake-up-channel.ts';
import { createWakeUpListener } from './wake-up-listener.ts';
import { createWakeUpNotifier } from './wake-up-notifier.ts';

const log = createLogger({ service: 'test', level: 'silent' });

async function startListener(t: TestContext, url: string) {
  const heard: Record<WakeUpChannel, number> = { outbox_wake_up: 0, relay_ownership: 0 };
  const listener = createWakeUpListener({ url, log, onWakeUp: (channel) => (heard[channel] += 1) });
  await listener.start(new AbortController().signal);
  t.after(() => listener.stop());
  return heard;
}

async function startNotifier(t: TestContext, url: string) {
  const notifier = createWakeUpNotifier({ url, log });
  await notifier.start(new AbortController().signal);
  t.after(() => notifier.stop());
  return notifier;
}

test('a wake-up reaches the listener, and what was committed before it listened is looked for too', async (t) => {
  const { url } = await createTestDatabase(t);
  const heard = await startListener(t, url);
  await eventually(() => assert.equal(heard.outbox_wake_up, 1));
  const notifier = await startNotifier(t, url);
  notifier.notify();
  await eventually(() => assert.equal(heard.outbox_wake_up, 2));
});

test('one connection hears both channels and tells them apart', async (t) => {
  const { url } = await createTestDatabase(t);
  const heard = await startListener(t, url);
  await eventually(() => assert.deepEqual(heard, { outbox_wake_up: 1, relay_ownership: 1 }));
  const client = new pg.Client(url);
  await client.connect();
  t.after(() => client.end());
  await client.query(`NOTIFY relay_ownership; NOTIFY another_channel`);
  await eventually(() => assert.deepEqual(heard, { outbox_wake_up: 1, relay_ownership: 2 }));
  await client.query('NOTIFY outbox_wake_up');
  await eventually(() => assert.deepEqual(heard, { outbox_wake_up: 2, relay_ownership: 2 }));
});

async function listenedTimes(t: TestContext, url: string): Promise<number[]> {
  const times: number[] = [];
  const client = new pg.Client(url);
  await client.connect();
  t.after(() => client.end());
  client.on('notification', () => times.push(performance.now()));
  await client.query('LISTEN outbox_wake_up');
  return times;
}

test('wake-ups close together are sent as one', async (t) => {
  const { url } = await createTestDatabase(t);
  const times = await listenedTimes(t, url);
  const notifier = await startNotifier(t, url);
  const startedMs = performance.now();
  let lastMs = startedMs;
  while (lastMs - startedMs < 200) {
    notifier.notify();
    lastMs = performance.now();
    await nextTurn();
  }
  await eventually(() => assert.ok(times.at(-1)! > lastMs, 'the last wake-up was not sent'));
  const atMost = 2 + Math.ceil((times.at(-1)! - startedMs) / 10);
  assert.ok(times.length <= atMost, `${times.length} notifications, at most ${atMost}`);
});

test('a wake-up that comes while another is being sent is sent after it', async (t) => {
  const { url } = await createTestDatabase(t);
  const times = await listenedTimes(t, url);
  const notifier = await startNotifier(t, url);
  notifier.notify();
  // Long enough for the next one to be sent at once.
  await eventually(() => assert.ok(performance.now() > times[0]! + 25));
  notifier.notify();
  await nextTurn();
  notifier.notify();
  await eventually(() => assert.equal(times.length, 3));
});

test('both come back by themselves after a restart of the server, also when it was away at the start', async (t) => {
  const server = await startPostgres(t);
  await server.stop();
  const heard = await startListener(t, server.url);
  const notifier = await startNotifier(t, server.url);
  notifier.notify();
  for (let round = 0; round < 2; round++) {
    await server.restart();
    const before = heard.outbox_wake_up;
    await eventually(() => {
      notifier.notify();
      // Two more: listening anew counts one.
      assert.ok(heard.outbox_wake_up >= before + 2);
    });
  }
});

test('both stop at once when there is no server, and before they were started', async (t) => {
  const { url } = await createTestDatabase(t);
  const unused = Object.assign(new URL(url), { port: '1' }).href;
  for (const part of [
    createWakeUpListener({ url: unused, log, onWakeUp: () => {} }),
    createWakeUpNotifier({ url: unused, log }),
  ]) {
    await part.stop();
    await part.start(new AbortController().signal);
    await part.stop();
    await part.stop();
  }
});
