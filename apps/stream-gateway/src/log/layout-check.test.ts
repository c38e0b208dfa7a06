import assert from 'node:assert/strict';
import test from 'node:test';
import {
  keyHash,
  LayoutForbiddenError,
  type PartitionChange,
  type TopicLayout,
} from '@order-events/messaging';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import {
  createLayoutCheck,
  fitLayout,
  LayoutUnreadError,
  lenientLayout,
  type ReadLayout,
  withRecorded,
} from './layout-check.ts';

const CHANGE: PartitionChange = { formerCount: 2, count: 3, ends: [5n, 7n], changedAt: new Date(1) };
const never = new AbortController().signal;

/** An order whose partition is another one of three than of two. */
const MOVED = Array.from({ length: 20 }, (_, index) => `order-${index}`).find(
  (key) => keyHash(key) % 3 === 1 && keyHash(key) % 2 === 0,
)!;
const moved = () => logBatch(1, 7n, [orderEvent({ orderId: MOVED })]);
const atHome = () => logBatch(keyHash(MOVED) % 2, 4n, [orderEvent({ orderId: MOVED })]);

/** A log of two partitions that knows of no change. */
function createCheck(read: ReadLayout) {
  let layout: TopicLayout = [];
  const heardOf: number[] = [];
  const check = createLayoutCheck(
    {
      topic: () => ({ id: 'topic', partitionCount: 2 }),
      layout: () => layout,
      setLayout: (known) => (layout = known),
      keepsUpWith: (_, count) => heardOf.push(count) > 0,
    },
    read,
    1_000,
  );
  check.upToDate(performance.now());
  return { check, layout: () => layout, heardOf };
}

test('an event that is not where its key belongs is held until what is recorded is known', async () => {
  let reads = 0;
  const read: ReadLayout = (topicId) => {
    assert.equal(topicId, 'topic');
    reads += 1;
    return Promise.resolve([CHANGE]);
  };
  const { check, layout, heardOf } = createCheck(read);
  await check.before(atHome(), never);
  assert.equal(reads, 0);
  await check.before(moved(), never);
  assert.deepEqual([layout(), heardOf], [[CHANGE], [3]], 'and the tail is to look for the new partitions');
});

test('nothing that may be early is passed on while nobody can look, and what is not early is', async () => {
  const { check } = createCheck(() => Promise.reject(new Error('away')));
  await assert.rejects(check.before(moved(), never), /away/);
  await check.before(atHome(), never);
});

test('who has not seen the topic for long looks whatever comes, and goes on when that fails', async (t) => {
  let reads = 0;
  const { check } = createCheck(() => {
    reads += 1;
    return Promise.reject(new Error('away'));
  });
  const nowMs = performance.now();
  t.mock.method(performance, 'now', () => nowMs + 11_000);
  await check.before(atHome(), never);
  await check.before(atHome(), never);
  assert.equal(reads, 1, 'not for each batch');
});

test('who may not look goes on without, and says so', async () => {
  const told: string[] = [];
  const read = (failure: Error) =>
    lenientLayout(
      () => Promise.reject(failure),
      (_, message) => told.push(message),
    )('topic', never);
  assert.deepEqual(await read(new LayoutForbiddenError()), []);
  assert.match(told.join(), /connections\.md/);
  await assert.rejects(read(new Error('away')), (error) => {
    assert.ok(error instanceof LayoutUnreadError && error.cause instanceof Error);
    assert.match(`${error.message}; ${error.cause.message}`, /nothing is delivered until .*\.layout.*; away/);
    return true;
  });
});

test('nobody waits for what retention has removed, or for what a log that was cut does not have', () => {
  assert.deepEqual(fitLayout([CHANGE], { earliest: [5n, 7n, 0n], latest: [9n, 9n, 0n] }), []);
  assert.deepEqual(fitLayout([CHANGE], { earliest: [5n, 6n, 0n], latest: [9n, 9n, 0n] }), [CHANGE]);
  const [cut] = fitLayout([CHANGE], { earliest: [0n, 0n, 0n], latest: [3n, 9n, 0n] });
  assert.deepEqual(cut?.ends, [3n, 7n]);
  const recordedAgain = { ...CHANGE, ends: [6n, 8n], changedAt: new Date(2) };
  assert.deepEqual(withRecorded([cut], [CHANGE]), [cut], 'it stays cut');
  assert.deepEqual(withRecorded([cut], [recordedAgain]), [cut, recordedAgain]);
  assert.deepEqual(withRecorded([cut], []), [cut]);
});
