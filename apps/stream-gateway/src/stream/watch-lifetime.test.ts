import assert from 'node:assert/strict';
import test from 'node:test';
import { createWatchLifetime } from './watch-lifetime.ts';

const MAX_AGE_MS = 1_000;

test('a stream lives until it is nearly as old as may be, and is told before it ends', () => {
  const lifetime = createWatchLifetime({
    startedAtMs: 0,
    maxAgeMs: MAX_AGE_MS,
    drainWindowMs: () => undefined,
  });
  const endsAtMs = lifetime.nextAtMs();
  assert.ok(endsAtMs > MAX_AGE_MS * 0.9 - 1 && endsAtMs <= MAX_AGE_MS, `${endsAtMs} ms`);
  assert.equal(lifetime.due(endsAtMs - 1), undefined);
  assert.deepEqual(lifetime.due(endsAtMs), { announceMs: 0 });
  assert.deepEqual(lifetime.due(endsAtMs), { end: 'WATCH_AGE_REACHED' });
});

test('a stream that is drained ends when it has said, within the window', () => {
  const drain: { windowMs?: number } = {};
  const lifetime = createWatchLifetime({
    startedAtMs: 0,
    maxAgeMs: MAX_AGE_MS,
    drainWindowMs: () => drain.windowMs,
  });
  assert.equal(lifetime.due(10), undefined);
  drain.windowMs = 500;
  const due = lifetime.due(20);
  assert.ok(due && 'announceMs' in due && due.announceMs >= 0 && due.announceMs <= 500);
  assert.equal(lifetime.nextAtMs(), 20 + due.announceMs);
  if (due.announceMs > 0) assert.equal(lifetime.due(20 + due.announceMs - 1), undefined);
  assert.deepEqual(lifetime.due(20 + due.announceMs), { end: 'DRAINING' });
});
