import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createAlarmClock } from './alarm-clock.ts';

/** A clock whose time the test moves on; what rang is noted with the time. */
function startClock(t: { after(fn: () => void): void }) {
  let nowMs = 1_000;
  mock.timers.enable({ apis: ['setTimeout'] });
  const now = mock.method(performance, 'now', () => nowMs);
  t.after(() => {
    mock.timers.reset();
    now.mock.restore();
  });
  const rang: { sleepers: readonly string[]; atMs: number }[] = [];
  const alarms = createAlarmClock<string>((sleepers) => rang.push({ sleepers, atMs: nowMs }));
  return {
    alarms,
    rang,
    pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 1) {
        nowMs += 1;
        mock.timers.tick(1);
      }
    },
  };
}

test('who is due at about the same time is woken together, never too early, and not much too late', (t) => {
  const { alarms, rang, pass } = startClock(t);
  for (let sleeper = 0; sleeper < 100; sleeper += 1) alarms.set(String(sleeper), 16_000 + sleeper);
  pass(14_999);
  assert.equal(rang.length, 0);
  pass(200);
  assert.equal(rang.flatMap(({ sleepers }) => sleepers).length, 100);
  assert.ok(rang.length <= 3, `${rang.length} times`);
  for (const { sleepers, atMs } of rang) {
    for (const sleeper of sleepers) {
      const lateMs = atMs - 16_000 - Number(sleeper);
      assert.ok(lateMs >= 0 && lateMs <= 66, `${lateMs} ms late`);
    }
  }
});

test('a short time is kept to the millisecond or two', (t) => {
  const { alarms, rang, pass } = startClock(t);
  alarms.set('soon', 1_004.5);
  pass(4);
  assert.equal(rang.length, 0);
  pass(3);
  assert.deepEqual(
    rang.map(({ sleepers }) => sleepers),
    [['soon']],
  );
});

test('a clock without an alarm keeps no timer', () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const alarms = createAlarmClock<string>(() => {});
  alarms.set('a', performance.now() + 1_000_000);
  assert.equal(timers(), before + 1);
  alarms.forget('a');
  assert.equal(timers(), before);
});

test('the sooner of two times counts, and one that is forgotten does not', (t) => {
  const { alarms, rang, pass } = startClock(t);
  alarms.set('a', 1_050);
  alarms.set('a', 1_010);
  alarms.set('a', 1_090);
  alarms.set('b', 1_010);
  alarms.forget('b');
  alarms.forget('nobody');
  pass(200);
  assert.deepEqual(
    rang.filter(({ sleepers }) => sleepers.length > 0).map(({ sleepers }) => sleepers),
    [['a']],
  );
});
