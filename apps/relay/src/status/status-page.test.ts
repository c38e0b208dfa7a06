import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryObservation, Finding } from '@order-events/outbox';
import { observationOf, partitionOf, replayOf } from '../../testing/observations.ts';
import { createObservationHistory } from './observation-history.ts';
import { createStatusPage, type StatusPageOptions } from './status-page.ts';

const NOT_MEASURED: Finding = { name: 'not-measured', severity: 'fault', text: 'not measured yet' };
const halt = (text: string): Finding => ({ name: 'halted', severity: 'halt', text });

async function render(observation?: DeliveryObservation, fields: Partial<StatusPageOptions> = {}) {
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
    findings: () => [],
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
  const { body } = await render(undefined, {
    findings: () => [halt('Why: run `outboxctl mend`'), NOT_MEASURED],
  });
  assert.match(body, /not measured yet/);
  assert.match(body, /Halted.*Why: run <code>outboxctl mend<\/code>/s);
});

test('what somebody should look at is told, and who holds a transaction open', async () => {
  const { body } = await render(
    observationOf({
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
    {
      findings: () => [
        { name: 'parked', severity: 'fault', text: '2 parked keys: `outboxctl parked list`' },
        { name: 'catching-up', severity: 'notice', text: 'a backlog is being worked off' },
      ],
    },
  );
  assert.match(body, /class="note worst">\s*2 parked keys: <code>outboxctl parked list<\/code>/);
  assert.match(body, /class="note worth-a-look">\s*a backlog is being worked off/);
  assert.doesNotMatch(body, /Halted/);
  for (const cell of ['4711', 'import', 'jane', 'idle in transaction', '-42']) assert.ok(body.includes(cell));
});

test('no text from elsewhere becomes part of the page', async () => {
  const hostile = '<script>alert(1)</script>"\'';
  const { body } = await render(
    observationOf({
      partitions: [partitionOf({ owner: hostile, mode: hostile })],
      relays: [{ id: hostile, partitions: 1, heartbeatAgeSeconds: 1, gaveWay: false }],
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
      replays: [replayOf({ replayId: hostile })],
    }),
    { owner: hostile, version: hostile, findings: () => [halt(`${hostile} \`${hostile}\``)] },
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
