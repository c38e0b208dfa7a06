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

test('the end of a token is told once, a minute before or in the last part of a short one; one that is nearly over is not told', () => {
  const lifetimeOf = (expiresAtMs: number) =>
    createWatchLifetime({
      startedAtMs: 0,
      maxAgeMs: Number.MAX_SAFE_INTEGER,
      drainWindowMs: () => undefined,
      expiresAtMs,
    });
  const long = lifetimeOf(3_600_000);
  assert.equal(long.nextAtMs(), 3_540_000);
  assert.deepEqual(long.due(3_540_000), { expiresMs: 60_000 });
  assert.equal(long.due(3_540_001), undefined);
  const short = lifetimeOf(10_000);
  assert.deepEqual(short.due(short.nextAtMs()), { expiresMs: 2_000 });
  assert.ok(lifetimeOf(1_000).nextAtMs() > 1_000);
});
