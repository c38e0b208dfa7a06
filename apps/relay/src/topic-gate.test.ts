import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../test/harness/eventually.ts';
import { createTopicGate, type Verdict } from './topic-gate.ts';

function setup(t: TestContext, first: Verdict | Error) {
  let answer = first;
  let failures = 0;
  const events: string[] = [];
  const log = createLogger({ service: 'test', level: 'silent' });
  const error = mock.method(log, 'error', () => {});
  const gate = createTopicGate({
    async inspect() {
      if (answer instanceof Error) {
        failures += 1;
        throw answer;
      }
      return answer;
    },
    createRelay: (partitionCount) => ({
      name: 'relay',
      start: async () => void events.push(`start ${partitionCount}`),
      stop: async () => void events.push(`stop ${partitionCount}`),
    }),
    onState() {},
    log,
    checkIntervalMs: 5,
  });
  t.after(() => gate.stop());
  return {
    gate,
    events,
    error,
    answer: (next: Verdict | Error) => (answer = next),
    failures: () => failures,
  };
}

const open = (partitionCount: number): Verdict => ({ kind: 'open', partitionCount });
const halted: Verdict = { kind: 'halted', reason: 'another server: run outboxctl rebase' };
const never = new AbortController().signal;

test('the relay starts when database and topic are there, and stays while one of them is away', async (t) => {
  const { gate, events, answer, failures } = setup(t, new Error('no Kafka'));
  await gate.start(never);
  await eventually(() => assert.ok(failures() > 0));
  answer(open(12));
  await eventually(() => assert.deepEqual(events, ['start 12']));
  const failuresBefore = failures();
  answer(new Error('no Kafka'));
  await eventually(() => assert.ok(failures() > failuresBefore));
  assert.deepEqual(events, ['start 12']);
  await gate.stop();
  assert.deepEqual(events, ['start 12', 'stop 12']);
});

test('what does not fit halts the relay, is said once, and ends by itself', async (t) => {
  const { gate, events, error, answer } = setup(t, open(12));
  await gate.start(never);
  await eventually(() => assert.deepEqual(events, ['start 12']));
  answer(halted);
  await eventually(() => assert.deepEqual(events, ['start 12', 'stop 12']));
  assert.equal(gate.haltReason(), 'another server: run outboxctl rebase');
  answer(open(12));
  await eventually(() => assert.deepEqual(events, ['start 12', 'stop 12', 'start 12']));
  assert.equal(gate.haltReason(), undefined);
  assert.equal(error.mock.callCount(), 1);
});

test('another number of partitions that was agreed on makes the relay begin anew', async (t) => {
  const { gate, events, answer } = setup(t, open(12));
  await gate.start(never);
  await eventually(() => assert.deepEqual(events, ['start 12']));
  answer(open(24));
  await eventually(() => assert.deepEqual(events, ['start 12', 'stop 12', 'start 24']));
});
