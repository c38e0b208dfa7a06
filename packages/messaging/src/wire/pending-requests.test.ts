import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPendingRequests } from './pending-requests.ts';

function frame(correlationId: number, payload: string): Buffer {
  const id = Buffer.alloc(4);
  id.writeInt32BE(correlationId);
  return Buffer.concat([id, Buffer.from(payload)]);
}

const neverTimesOut = () => assert.fail('no request timed out');

test('each response reaches its request', async () => {
  const pending = createPendingRequests(60_000, neverTimesOut);
  const first = pending.add('Fetch', 0);
  const second = pending.add('Produce', 0);
  pending.answer(frame(second.correlationId, 'two'));
  pending.answer(frame(first.correlationId, 'one'));
  assert.equal((await first.payload).toString(), 'one');
  assert.equal((await second.payload).toString(), 'two');
});

test('a response that nobody asked for is an error', () => {
  const pending = createPendingRequests(60_000, neverTimesOut);
  assert.throws(() => pending.answer(frame(7, '')), /a response to no request/);
});

test('a request that is not answered in time is told', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const timeouts: string[] = [];
  const pending = createPendingRequests(1_000, (apiName) => timeouts.push(apiName));
  const { correlationId } = pending.add('Fetch', 0);
  pending.add('Produce', 0);
  t.mock.timers.tick(999);
  pending.answer(frame(correlationId, ''));
  t.mock.timers.tick(1);
  assert.deepEqual(timeouts, ['Produce']);
});

test('an abandoned request still notices a silent connection, and takes its late response', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const timeouts: string[] = [];
  const pending = createPendingRequests(1_000, (apiName) => timeouts.push(apiName));
  const abort = new AbortController();
  const late = pending.add('Fetch', 0, abort.signal);
  const silent = pending.add('Produce', 0, abort.signal);
  abort.abort(new Error('not needed any more'));
  await assert.rejects(late.payload, /not needed any more/);
  await assert.rejects(silent.payload, /not needed any more/);
  pending.answer(frame(late.correlationId, ''));
  t.mock.timers.tick(1_000);
  assert.deepEqual(timeouts, ['Produce']);
});

test('all requests end with the connection', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pending = createPendingRequests(1_000, neverTimesOut);
  const { payload } = pending.add('Fetch', 0);
  pending.rejectAll(new Error('closed'));
  await assert.rejects(payload, /closed/);
  t.mock.timers.tick(1_000);
});

test('a large request has the time that a slow link takes', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const timeouts: [string, number][] = [];
  const pending = createPendingRequests(1_000, (...timeout) => timeouts.push(timeout));
  pending.add('Produce', 1_024_000);
  t.mock.timers.tick(4_999);
  assert.deepEqual(timeouts, []);
  t.mock.timers.tick(1);
  assert.deepEqual(timeouts, [['Produce', 5_000]]);
});

test('a response that is on its way is waited for', (t) => {
  const timer = setTimeout(() => {}, 0);
  clearTimeout(timer);
  const refresh = t.mock.method(Object.getPrototypeOf(timer) as NodeJS.Timeout, 'refresh');
  const pending = createPendingRequests(60_000, neverTimesOut);
  for (const apiName of ['Fetch', 'Produce']) pending.add(apiName, 0).payload.catch(() => {});
  pending.progress();
  assert.equal(refresh.mock.callCount(), 2);
  pending.rejectAll(new Error('over'));
});
