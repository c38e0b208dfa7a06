import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Part, startParts } from './lifecycle.ts';
import { createLogger } from './logger.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function recorder() {
  const events: string[] = [];
  const part = (name: string, faults: { start?: boolean; stop?: boolean } = {}): Part => ({
    name,
    async start() {
      events.push(`start ${name}`);
      if (faults.start) throw new Error(`${name} cannot start`);
    },
    async stop() {
      events.push(`stop ${name}`);
      if (faults.stop) throw new Error(`${name} cannot stop`);
    },
  });
  return { events, part };
}

test('parts start in order and stop in reverse, once', async () => {
  const { events, part } = recorder();
  const running = await startParts([part('a'), part('b')], log, new AbortController().signal);
  await Promise.all([running.stop(), running.stop()]);
  assert.deepEqual(events, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a part that fails to start stops what was started, itself included', async () => {
  const { events, part } = recorder();
  const parts = [part('a'), part('b', { start: true }), part('c')];
  await assert.rejects(startParts(parts, log, new AbortController().signal), /b cannot start/);
  assert.deepEqual(events, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a part that fails to stop does not keep the others running', async () => {
  const { events, part } = recorder();
  const running = await startParts([part('a'), part('b', { stop: true })], log, new AbortController().signal);
  await running.stop();
  assert.deepEqual(events.slice(2), ['stop b', 'stop a']);
});

test('a stop signal during the start unwinds', async () => {
  const { events, part } = recorder();
  const stop = new AbortController();
  const aborting: Part = { ...part('b'), start: async () => stop.abort() };
  await assert.rejects(startParts([part('a'), aborting, part('c')], log, stop.signal));
  assert.deepEqual(events, ['start a', 'stop b', 'stop a']);
});
