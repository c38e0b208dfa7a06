import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually } from './eventually.ts';

test('eventually answers what the probe answers once it holds', async () => {
  let tries = 0;
  const value = await eventually(() => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    return tries;
  });
  assert.equal(value, 3);
});

test('eventually says what was still missing at the deadline', async () => {
  const never = eventually(() => assert.fail('no order arrived'), { deadlineMs: 100 });
  await assert.rejects(never, /still failing after 100 ms: no order arrived/);
});

test('eventually does not wait for a probe that hangs', async () => {
  const hangs = eventually(() => new Promise(() => undefined), { deadlineMs: 100 });
  await assert.rejects(hangs, /the probe did not answer/);
});

test('eventually says what probes found that answered, when the last one did not', async () => {
  let tries = 0;
  const slow = eventually(
    () => {
      tries += 1;
      return tries < 3 ? assert.fail('no order arrived') : new Promise(() => undefined);
    },
    { deadlineMs: 300 },
  );
  await assert.rejects(slow, /still failing after 300 ms: no order arrived/);
});

test('eventually tries once more, and no longer, when nothing can change any more', async () => {
  const over = new AbortController();
  let tries = 0;
  const waiting = eventually(
    () => {
      tries += 1;
      return tries < 3 ? assert.fail('no order arrived') : tries;
    },
    { intervalMs: 60_000, over: over.signal },
  );
  const toFail = eventually(() => assert.fail('no order arrived'), {
    intervalMs: 60_000,
    over: over.signal,
  });
  tries = 1;
  over.abort();
  await assert.rejects(toFail, /^Error: no order arrived; nothing more comes$/);
  assert.equal(await waiting, 3);
});

test('eventually has more patience on a machine that is slow, and none beyond a bound', async () => {
  const patient = eventually(() => assert.fail('no order arrived'), { patienceMs: 100 });
  await assert.rejects(patient, (error: Error) => {
    const [, limitMs] = /^still failing after (\d+) ms: no order arrived$/.exec(error.message) ?? [];
    return Number(limitMs) >= 100;
  });
});
