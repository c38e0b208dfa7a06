import assert from 'node:assert/strict';
import test from 'node:test';
import type { PartitionBatch } from '@order-events/messaging';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createHistory } from './history.ts';

const EPOCH = 1;
const PLENTY = 1024 * 1024;

/** Counts the fetches and lets the test answer them. */
function heldFetches() {
  const asked: {
    partition: number;
    offset: bigint;
    answer: (batch: PartitionBatch) => void;
    fail: (error: Error) => void;
  }[] = [];
  return {
    asked,
    reader: {
      fetchBlock: (partition: number, offset: bigint) =>
        new Promise<PartitionBatch>((resolve, reject) => {
          asked.push({ partition, offset, answer: resolve, fail: reject });
        }),
    },
  };
}

function countingReader(eventsPerBlock: number) {
  const asked: bigint[] = [];
  return {
    asked,
    reader: {
      async fetchBlock(partition: number, offset: bigint) {
        asked.push(offset);
        return logBatch(
          partition,
          offset,
          Array.from({ length: eventsPerBlock }, () => orderEvent()),
        );
      },
    },
  };
}

test('who asks for the same block at the same time shares one fetch', async () => {
  const { asked, reader } = heldFetches();
  const history = createHistory({ reader, maxBytes: PLENTY, maxConcurrentFetches: 8, onFetch: () => {} });
  const reads = [history.read(EPOCH, 3, 10n), history.read(EPOCH, 3, 10n)];
  await Promise.resolve();
  assert.equal(asked.length, 1);
  asked[0]!.answer(logBatch(3, 10n, [orderEvent()]));
  const [first, second] = await Promise.all(reads);
  assert.equal(first, second);
});

test('a block is kept for every offset that it covers', async () => {
  const { asked, reader } = countingReader(10);
  const history = createHistory({ reader, maxBytes: PLENTY, maxConcurrentFetches: 8, onFetch: () => {} });
  const block = await history.read(EPOCH, 0, 100n);
  for (const offset of [100n, 105n, 109n]) assert.equal(await history.read(EPOCH, 0, offset), block);
  assert.deepEqual(asked, [100n]);
  await history.read(EPOCH, 0, 110n);
  await history.read(EPOCH, 1, 105n);
  assert.deepEqual(asked, [100n, 110n, 105n]);
});

test('what was used least recently makes room', async () => {
  const { asked, reader } = countingReader(1);
  const { sizeBytes } = await createHistory({
    reader,
    maxBytes: PLENTY,
    maxConcurrentFetches: 1,
    onFetch: () => {},
  }).read(EPOCH, 0, 0n);
  asked.length = 0;
  const history = createHistory({
    reader,
    maxBytes: sizeBytes * 2.5,
    maxConcurrentFetches: 8,
    onFetch: () => {},
  });
  for (const offset of [1n, 2n, 1n, 3n]) await history.read(EPOCH, 0, offset);
  assert.deepEqual(asked, [1n, 2n, 3n]);
  await history.read(EPOCH, 0, 1n);
  assert.deepEqual(asked, [1n, 2n, 3n], 'used after 2');
  await history.read(EPOCH, 0, 2n);
  assert.deepEqual(asked, [1n, 2n, 3n, 2n]);
});

test('only so many fetches run at a time; the others follow, also after a failure', async () => {
  const { asked, reader } = heldFetches();
  const history = createHistory({ reader, maxBytes: PLENTY, maxConcurrentFetches: 2, onFetch: () => {} });
  const reads = [0n, 1n, 2n].map((offset) => history.read(EPOCH, 0, offset));
  await Promise.resolve();
  assert.equal(asked.length, 2);
  asked[0]!.fail(new Error('Kafka is away'));
  await assert.rejects(reads[0]!, /Kafka is away/);
  assert.equal(asked.length, 3);
  for (const { offset, answer } of asked.slice(1)) answer(logBatch(0, offset, [orderEvent()]));
  await Promise.all(reads.slice(1));
});

test('a failed fetch is tried again by who asks next', async () => {
  const { asked, reader } = heldFetches();
  const history = createHistory({ reader, maxBytes: PLENTY, maxConcurrentFetches: 2, onFetch: () => {} });
  const failing = history.read(EPOCH, 0, 0n);
  await Promise.resolve();
  asked[0]!.fail(new Error('Kafka is away'));
  await assert.rejects(failing);
  const again = history.read(EPOCH, 0, 0n);
  await Promise.resolve();
  asked[1]!.answer(logBatch(0, 0n, [orderEvent()]));
  assert.equal((await again).events.length, 1);
});

test('blocks of a topic that was created again are forgotten', async () => {
  const { asked, reader } = countingReader(10);
  const history = createHistory({ reader, maxBytes: PLENTY, maxConcurrentFetches: 8, onFetch: () => {} });
  const old = await history.read(EPOCH, 0, 0n);
  assert.notEqual(await history.read(EPOCH + 1, 0, 0n), old);
  assert.equal(asked.length, 2);
});
