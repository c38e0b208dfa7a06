import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryUntilDone } from './retry-until-done.ts';

test('what fails is tried again, later and later, until it is done', async () => {
  let tries = 0;
  const delaysMs: number[] = [];
  const answer = await retryUntilDone(
    async () => {
      tries += 1;
      if (tries < 4) throw new Error('not yet');
      return tries;
    },
    {
      signal: new AbortController().signal,
      minDelayMs: 2,
      maxDelayMs: 4,
      onFailure: (_, retryDelayMs) => delaysMs.push(retryDelayMs),
    },
  );
  assert.equal(answer, 4);
  const bounds = [2, 4, 4];
  assert.equal(delaysMs.length, bounds.length);
  assert.ok(
    delaysMs.every((ms, index) => ms >= bounds[index]! / 2 && ms <= bounds[index]!),
    String(delaysMs),
  );
});

test('an abort ends the pause, and nothing is tried after it', async () => {
  const stopping = new AbortController();
  let tries = 0;
  const trying = retryUntilDone(
    async () => {
      tries += 1;
      throw new Error('never');
    },
    {
      signal: stopping.signal,
      minDelayMs: 3_600_000,
      maxDelayMs: 3_600_000,
      onFailure: () => setImmediate(() => stopping.abort()),
    },
  );
  await assert.rejects(trying, { name: 'AbortError' });
  assert.equal(tries, 1);
});
