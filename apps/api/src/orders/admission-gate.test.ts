import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmissionGate } from './admission-gate.ts';

const LIMITS = { atOnce: 2, maxWaiting: 2, maxWaitMs: 60_000, refusal: () => new Error('too many') };

/** Work that ends when it is told to, and a list of what has begun. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve) => {
      begun.push(name);
      ends.set(name, () => resolve(name));
    });
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

test('some work, some wait and are let in by their order, and one more is refused at once', async () => {
  const gate = createAdmissionGate(LIMITS);
  const { begun, work, end } = createWork();
  const all = ['a', 'b', 'c', 'd'].map((name) => gate.run(work(name)));
  await assert.rejects(gate.run(work('e')), /too many/);
  assert.deepEqual(begun, ['a', 'b']);
  end('b');
  assert.equal(await all[1], 'b');
  assert.deepEqual(begun, ['a', 'b', 'c']);
  for (const name of ['a', 'c']) end(name);
  await all[2];
  end('d');
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd']);
  assert.ok(gate.isIdle());
});

test('who waits for too long is refused, and keeps nobody out', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = createAdmissionGate({ ...LIMITS, atOnce: 1, maxWaitMs: 500 });
  const { begun, work, end } = createWork();
  const first = gate.run(work('a'));
  const refused = assert.rejects(gate.run(work('b')), /too many/);
  t.mock.timers.tick(500);
  await refused;
  const third = gate.run(work('c'));
  end('a');
  await first;
  assert.deepEqual(begun, ['a', 'c']);
  end('c');
  await third;
  assert.ok(gate.isIdle());
});

test('work that fails gives its place back', async () => {
  const gate = createAdmissionGate(LIMITS);
  const fail = () => gate.run(() => Promise.reject(new Error('failed')));
  for (let attempt = 0; attempt < 5; attempt++) await assert.rejects(fail(), /failed/);
  assert.ok(gate.isIdle());
});

test('places that are of no use are given to nobody, and with all of them gone nobody waits', async () => {
  let blocked = 0;
  const gate = createAdmissionGate({ ...LIMITS, blocked: () => blocked });
  const { begun, work, end } = createWork();
  const all = ['a', 'b', 'c', 'd'].map((name) => gate.run(work(name)));
  // What a worked with stays behind.
  blocked = 1;
  end('a');
  await all[0];
  assert.deepEqual(begun, ['a', 'b']);
  end('b');
  await all[1];
  assert.deepEqual(begun, ['a', 'b', 'c']);
  end('c');
  await all[2];
  end('d');
  await all[3];
  blocked = 2;
  await assert.rejects(gate.run(work('e')), /too many/);
  blocked = 0;
  const again = gate.run(work('f'));
  end('f');
  assert.equal(await again, 'f');
  assert.ok(gate.isIdle());
});
