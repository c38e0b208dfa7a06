import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestWire, newWatch } from '../../testing/test-wire.ts';
import { StreamError } from './stream-error.ts';
import { createRegisteredWatch } from './registered-watch.ts';
import { createRequestMemory } from './request-memory.ts';
import { createSlowPolicy } from './slow-policy.ts';

const KEPT = createRequestMemory(Infinity).keep(undefined, 0);
const LIMITS = { blockedMs: 300_000, windowMs: 60_000, backlogEvents: 100n };

/** A stream that is looked at once a second; `during` says how far behind it is then, and since when it waits for its client. */
function looks(
  seconds: number,
  during: (second: number, nowMs: number) => { backlog: bigint; heldUpMs: number | undefined },
): { ended: boolean; second: number; message: string } {
  const policy = createSlowPolicy(LIMITS);
  const wire = createTestWire();
  const watch = createRegisteredWatch(newWatch({ wire }), KEPT);
  for (let second = 0; second <= seconds; second += 1) {
    const nowMs = 1_000_000 + second * 1_000;
    const { backlog, heldUpMs } = during(second, nowMs);
    watch.backlog = () => backlog;
    wire.block(heldUpMs === undefined ? undefined : nowMs - heldUpMs);
    const [slow] = policy.look([watch], nowMs);
    if (slow) return { ended: true, second, message: slow.message };
  }
  return { ended: false, second: seconds, message: '' };
}

test('a client that takes nothing is given up at the limit, however little there is to take', () => {
  const { ended, second, message } = looks(400, (at) => ({ backlog: 1n, heldUpMs: at * 1_000 }));
  assert.ok(ended && second === 300 && message.includes('taken nothing'), `${second}: ${message}`);
});

test('a client that falls further behind for the whole window is given up', () => {
  const { ended, second, message } = looks(200, (at) => ({ backlog: 1_000n + BigInt(at), heldUpMs: 300 }));
  assert.ok(ended && second === 60 && message.includes('further behind'), `${second}: ${message}`);
});

test('a stream that comes nearer to the end is never too slow, however far behind it is', () => {
  const catchingUp = looks(1_000, (at) => ({ backlog: 10_000_000n - BigInt(at), heldUpMs: 900 }));
  assert.equal(catchingUp.ended, false);
});

test('lag that the client is not the cause of is no reason', () => {
  const kafkaIsSlow = looks(1_000, (at) => ({ backlog: 1_000n + BigInt(at), heldUpMs: undefined }));
  assert.equal(kafkaIsSlow.ended, false);
  const gatewayIsBusy = looks(1_000, (at) => ({ backlog: 1_000n + BigInt(at), heldUpMs: 20 }));
  assert.equal(gatewayIsBusy.ended, false);
  const seldomHeldUp = looks(1_000, (at) => ({
    backlog: 1_000n + BigInt(at),
    heldUpMs: at % 3 === 0 ? 300 : undefined,
  }));
  assert.equal(seldomHeldUp.ended, false);
});

test('a stream that was near the end within the window starts over', () => {
  const comesBack = looks(1_000, (at) => ({
    backlog: at % 50 === 0 ? 100n : 1_000n + BigInt(at),
    heldUpMs: 300,
  }));
  assert.equal(comesBack.ended, false);
});

test('a stream that has been ended is left alone', () => {
  const policy = createSlowPolicy(LIMITS);
  const wire = createTestWire();
  const watch = createRegisteredWatch(newWatch({ wire }), KEPT);
  wire.block(0);
  const [slow] = policy.look([watch], 1_000_000);
  assert.equal(slow?.watch, watch);
  watch.endedBy = new StreamError('SLOW_CONSUMER', '');
  assert.deepEqual(policy.look([watch], 1_000_000), []);
});
