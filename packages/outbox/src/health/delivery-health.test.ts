import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type DeliveryFacts,
  deliveryFindings,
  type Finding,
  isHealthy,
  isReady,
  type PartitionFacts,
} from './delivery-health.ts';

const partition = (fields: Partial<PartitionFacts> = {}): PartitionFacts => ({
  partition: 0,
  mode: 'running',
  unownedSeconds: 0,
  paging: false,
  pendingEvents: 0,
  oldestPendingAgeSeconds: 0,
  ...fields,
});

const late = (fields: Partial<PartitionFacts> = {}) =>
  partition({ pendingEvents: 5, oldestPendingAgeSeconds: 90, ...fields });

const judge = (facts: Partial<DeliveryFacts>) =>
  deliveryFindings({
    partitions: [partition()],
    relays: 1,
    leaseSeconds: 3,
    parkedKeys: 0,
    readOnly: false,
    maxWaitSeconds: 60,
    found: [],
    ...facts,
  });

const names = (findings: readonly Finding[]) => findings.map(({ name }) => name);

test('nothing is found where nothing waits', () => {
  assert.deepEqual(judge({}), []);
});

test('what waits for too long without a reason is unhealthy, whatever the reason turns out to be', () => {
  const findings = judge({ partitions: [late(), partition({ partition: 1 })] });
  assert.deepEqual(names(findings), ['waits-unexplained']);
  assert.match(
    findings[0]!.text,
    /1 min 30 s old, more than 1 min 0 s \(partitions 0\), and no reason is known/,
  );
  assert.equal(isHealthy(findings), false);
  assert.equal(isReady(findings), true);
});

test('what waits for a reason names it, by partition', () => {
  const claim: Finding = { name: 'claim-failed', severity: 'fault', text: 'no leader', partitions: [1] };
  const findings = judge({
    partitions: [late(), late({ partition: 1 }), late({ partition: 2, mode: 'paused' })],
    found: [claim],
  });
  assert.deepEqual(names(findings), ['claim-failed', 'waits-unexplained', 'waits', 'waits', 'paused']);
  assert.match(findings[2]!.text, /partitions 1\): claim-failed$/);
  assert.match(findings[3]!.text, /partitions 2\): paused$/);
});

test('a reason that holds nothing up explains nothing', () => {
  const parked = judge({ partitions: [late()], parkedKeys: 2 });
  assert.deepEqual(names(parked), ['parked', 'waits-unexplained']);
});

test('a reason without partitions holds up all of them', () => {
  const findings = judge({ partitions: [late(), late({ partition: 1 })], readOnly: true });
  assert.deepEqual(names(findings), ['read-only', 'waits']);
});

test('a partition without an owner is a fault once its lease must have been taken over', () => {
  assert.deepEqual(judge({ partitions: [partition({ unownedSeconds: 3 })] }), []);
  const unowned = judge({ partitions: [partition({ unownedSeconds: 4 })] });
  assert.deepEqual(names(unowned), ['unowned']);
  assert.deepEqual(judge({ partitions: [partition({ unownedSeconds: 4, mode: 'paused' })] }), []);
});

test('no relay and no partitions are faults, and all that waits then has them as its reason', () => {
  assert.deepEqual(names(judge({ relays: 0 })), ['no-relay']);
  assert.deepEqual(names(judge({ relays: 0, partitions: [] })), ['no-relay', 'no-partitions']);
  assert.deepEqual(names(judge({ relays: 0, partitions: [late()] })), ['no-relay', 'waits']);
});

test('a notice is healthy, a fault is not, and only a halt takes a relay out of service', () => {
  const of = (severity: Finding['severity']): Finding[] => [{ name: 'one-copy', severity, text: 'x' }];
  assert.deepEqual([of('notice'), of('fault'), of('halt')].map(isHealthy), [true, false, false]);
  assert.deepEqual([of('notice'), of('fault'), of('halt')].map(isReady), [true, true, false]);
  assert.deepEqual(names(judge({ found: [...of('notice'), { ...of('halt')[0]!, name: 'halted' }] })), [
    'halted',
    'one-copy',
  ]);
});
