import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observationOf, partitionOf } from '../../testing/observations.ts';
import type { BacklogObservation } from '../outbox/backlog-observation.ts';
import { createObservationHistory } from './observation-history.ts';
import { createStatusPage, type StatusPageOptions } from './status-page.ts';

async function render(observation?: BacklogObservation, fields: Partial<StatusPageOptions> = {}) {
  const history = createObservationHistory(10);
  if (observation) history.add(observation);
  const page = createStatusPage({
    owner: 'relay-1',
    version: '1.2.3',
    history,
    samples: 10,
    intervalMs: 2000,
    oldTransactionMs: 60_000,
    canary: () => undefined,
    haltReason: () => undefined,
    ...fields,
  });
  return await page.render();
}

test('all that is well needs no attention', async () => {
  const { body } = await render(observationOf());
  assert.doesNotMatch(body, /class="note/);
  assert.match(body, /none/);
});

test('before the first measurement the page says so, and still shows a halt', async () => {
  const { body } = await render(undefined, { haltReason: () => 'Why: run `outboxctl mend`' });
  assert.match(body, /not been measured/);
  assert.match(body, /Halted.*Why: run <code>outboxctl mend<\/code>/s);
});

test('what wants attention is told: no owner, parked keys, an old transaction, an old measurement', async () => {
  const { body } = await render(
    observationOf({
      measuredAtMs: performance.now() - 60_000,
      partitions: [
        partitionOf({ owned: false }),
        partitionOf({ partition: 1, parkedEvents: 3, parkedKeys: 2 }),
      ],
      openTransactions: [
        {
          ageSeconds: 3700,
          pid: 4711,
          applicationName: 'import',
          user: 'jane',
          database: 'orders',
          state: 'idle in transaction',
          queryId: '-42',
        },
      ],
    }),
  );
  for (const told of [
    /1 of 2 partitions have no owner/,
    /Events are parked/,
    /outboxctl parked list/,
    /has written is open for 1 h 1 m/,
    /last measured 1 m ago/,
  ]) {
    assert.match(body, told);
  }
  for (const cell of ['4711', 'import', 'jane', 'idle in transaction', '-42']) assert.ok(body.includes(cell));
});

test('no text from elsewhere becomes part of the page', async () => {
  const hostile = '<script>alert(1)</script>"\'';
  const { body } = await render(
    observationOf({
      partitions: [partitionOf({ owner: hostile, mode: hostile })],
      relays: [{ id: hostile, partitions: 1, heartbeatAgeSeconds: 1 }],
      openTransactions: [
        {
          ageSeconds: 1,
          pid: undefined,
          applicationName: hostile,
          user: hostile,
          database: hostile,
          state: hostile,
          queryId: hostile,
        },
      ],
      replays: [{ replayId: hostile, publishedEvents: 1, unfinishedPartitions: 1, ageSeconds: 1 }],
    }),
    { owner: hostile, version: hostile, haltReason: () => `${hostile} \`${hostile}\`` },
  );
  assert.equal(body.split('alert(1)').length - 1, 13);
  assert.doesNotMatch(body, /<script>alert/);
  assert.equal(body.match(/<script/g)?.length, 1);
});

test('nothing but the page itself may run, load or be sent, and it works without scripts', async () => {
  const { body, headers } = await render(observationOf());
  const policy = headers?.['content-security-policy'] ?? '';
  assert.match(policy, /^default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.doesNotMatch(body, / style=| on[a-z]+=|src=|javascript:/);
  assert.match(body, /<noscript>\s*<meta http-equiv="refresh" content="5" \/>\s*<\/noscript>/);
});
