import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givesWay, kafkaStanding } from './give-way.ts';
import { createReachRecord, type KafkaReach } from './kafka-reach.ts';

const CUT_OFF_MS = 10_000;

interface Member {
  readonly reach: KafkaReach;
  readonly gaveWay: boolean;
  /** Of the version before: it tells nothing. */
  readonly former?: boolean;
}

const member = (reach: KafkaReach, gaveWay = false): Member => ({ reach, gaveWay });
const FORMER: Member = { ...member('steady'), former: true };

/** What each decides when it sees what the others have told; again and again, until nothing changes. */
function settled(members: readonly Member[]): boolean[] {
  let current = members;
  for (let round = 0; round < 10; round++) {
    for (const [index, { reach, gaveWay, former }] of current.entries()) {
      if (former) continue;
      const others = current.toSpliced(index, 1);
      const told = others.map((one) => (one.former ? undefined : kafkaStanding(one.gaveWay, one.reach)));
      const view = {
        relays: 1 + told.filter((standing) => standing !== 'gave way').length,
        steady: told.filter((standing) => standing === 'steady').length,
        untold: told.filter((standing) => standing === undefined).length,
      };
      current = current.with(index, { reach, gaveWay: givesWay(gaveWay, reach, view) });
    }
  }
  return current.map(({ gaveWay }) => gaveWay);
}

test('who is cut off gives way to who reaches Kafka, and the last one keeps everything', () => {
  assert.deepEqual(settled([member('cut off'), member('steady')]), [true, false]);
  assert.deepEqual(settled([member('cut off'), member('steady'), member('cut off')]), [true, false, true]);
  assert.deepEqual(settled([member('cut off')]), [false]);
  assert.deepEqual(settled([member('cut off', true), member('cut off')]), [true, false]);
});

test('nothing moves while nobody reaches Kafka steadily', () => {
  assert.deepEqual(settled([member('cut off'), member('cut off')]), [false, false]);
  assert.deepEqual(settled([member('cut off'), member('unsteady')]), [false, false]);
  assert.deepEqual(settled([member('unsteady'), member('steady')]), [false, false]);
});

test('who gave way counts again once it reaches Kafka steadily, or nobody else is left', () => {
  assert.deepEqual(settled([member('unsteady', true), member('steady')]), [true, false]);
  assert.deepEqual(settled([member('steady', true), member('steady')]), [false, false]);
  assert.deepEqual(settled([member('steady', true), member('cut off')]), [false, true]);
  assert.deepEqual(settled([member('cut off', true)]), [false]);
  assert.deepEqual(settled([member('cut off', true), member('cut off', true)]), [false, true]);
});

test('beside a relay of the version before nobody gives way, as it would not take more than its share', () => {
  assert.deepEqual(settled([member('cut off'), FORMER]), [false, false]);
  assert.deepEqual(settled([member('cut off', true), member('steady'), FORMER]), [false, false, false]);
});

test('only what has failed for long without an answer is cut off, and only what answers for long is steady', () => {
  const record = createReachRecord(CUT_OFF_MS);
  assert.equal(record.at(0), 'unsteady');
  record.reached(0);
  record.reached(4_000);
  assert.deepEqual([record.at(4_999), record.at(5_000)], ['unsteady', 'steady']);
  record.failed(6_000);
  record.failed(15_000);
  assert.deepEqual([record.at(15_999), record.at(16_000)], ['unsteady', 'cut off']);
  record.reached(16_500);
  assert.equal(record.at(16_500), 'unsteady');
  record.failed(17_000);
  assert.equal(record.at(26_999), 'unsteady', 'one answer begins the count anew');
});

test('a connection that comes and goes is neither steady nor cut off', () => {
  const record = createReachRecord(CUT_OFF_MS);
  for (let nowMs = 0; nowMs < 100_000; nowMs += 1_000) {
    if (nowMs % 4_000 < 2_000) record.reached(nowMs);
    else record.failed(nowMs);
    assert.equal(record.at(nowMs), 'unsteady');
  }
});

test('a process that was frozen has not been cut off', () => {
  const record = createReachRecord(CUT_OFF_MS);
  record.reached(0);
  record.failed(60_000);
  assert.equal(record.at(60_000), 'unsteady');
});
