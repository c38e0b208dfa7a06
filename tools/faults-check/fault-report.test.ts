import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULT_COLUMNS, rowOf } from './fault-row.ts';
import { faultReport } from './fault-report.ts';

const VERDICT = {
  ...{ events: 10, failedRequests: 1, givenAgain: 2, missing: 0, duplicated: 0, outOfOrder: 0 },
  ...{ longestSilenceMs: 1500, latestAfterMs: 2500, recoveredAfterMs: 300 },
};
const table = (title: string, fault: string) => ({
  ...{ title, columns: FAULT_COLUMNS, notes: [] },
  rows: [rowOf(fault, 5, '5 packets lost', VERDICT)],
});

test('a report keeps what its run did not do, and replaces what it did', () => {
  const first = faultReport('', [table('Network', 'cut'), table('Clocks', 'behind')], 'make it');
  assert.match(
    first,
    /\| cut \| 5 packets lost \| 10 \| 0 \| 0 \| 0 \| 1 \| 2 \| 1\.5 \| 2\.5 \| 0\.3 \| yes \|/,
  );
  const second = faultReport(first, [table('Network', 'late')], 'make it again');
  assert.match(second, /By `make it again`[^#]*late/);
  assert.match(second, /By `make it` [^#]*behind/);
  assert.doesNotMatch(second, /cut/);
  assert.equal(faultReport(second, [], 'make nothing'), second);
});

test('a fault that did not fire, and each promise that was not held, is told', () => {
  const held = (firedTimes: number, verdict: Partial<typeof VERDICT>, faults: string[] = []) =>
    rowOf('a fault', firedTimes, '', { ...VERDICT, ...verdict }, faults)['held'];
  assert.equal(held(1, {}), 'yes');
  assert.equal(held(0, {}), 'never fired');
  assert.equal(held(1, { events: 0 }), 'no events');
  for (const fault of ['missing', 'duplicated', 'outOfOrder']) assert.equal(held(1, { [fault]: 1 }), 'no');
  assert.equal(held(1, {}, ['leases have moved']), 'leases have moved');
});
