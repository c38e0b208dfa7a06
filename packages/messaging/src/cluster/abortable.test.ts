import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abortable } from './abortable.ts';

test('the result of the work is the result of the wait', async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(7), signal), 7);
  assert.equal(await abortable(Promise.resolve(8), undefined), 8);
  await assert.rejects(abortable(Promise.reject(new Error('failed')), signal), /failed/);
});

test('an abort ends the wait and not the work, whose failure is then nobody’s', async () => {
  const work = Promise.withResolvers<number>();
  const abort = new AbortController();
  const [impatient, patient] = [abortable(work.promise, abort.signal), abortable(work.promise, undefined)];
  abort.abort(new Error('enough'));
  await assert.rejects(impatient, /enough/);
  work.reject(new Error('too late'));
  await assert.rejects(patient, /too late/);
});

test('a wait that is given up before it began leaves no rejection unheard', async () => {
  const unheard: unknown[] = [];
  const onUnheard = (error: unknown) => unheard.push(error);
  process.on('unhandledRejection', onUnheard);
  const work = Promise.reject(new Error('failed'));
  await assert.rejects(abortable(work, AbortSignal.abort(new Error('before'))), /before/);
  await new Promise(setImmediate);
  process.off('unhandledRejection', onUnheard);
  assert.deepEqual(unheard, []);
});
