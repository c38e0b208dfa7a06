import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetOutOfRangeError } from '@order-events/messaging';
import { createSubscriptionLags } from './subscription-lags.ts';

const { signal } = new AbortController();

/** A topic of two partitions, whose records have their offset as time, and its subscriptions. */
function createTopic() {
  const committed = new Map<string, [bigint, bigint]>();
  const ends = { topicId: 'first', earliest: [0n, 0n], latest: [100n, 100n] };
  const reads: string[] = [];
  let read = (partition: number, offset: bigint) => ({ partition, offset, timestampMs: Number(offset) });
  const lags = createSubscriptionLags(
    {
      names: () => Promise.resolve([...committed.keys()].toSorted()),
      read(name) {
        const offsets = committed.get(name)?.map((offset) => ({ offset, metadata: '' })) ?? [];
        const found = {
          committed: new Map(offsets.entries()),
          members: 0,
          foreignClients: [],
          olderMembers: 0,
        };
        return Promise.resolve(offsets.length > 0 ? found : undefined);
      },
    },
    {
      ends: () => Promise.resolve({ ...ends, latest: [...ends.latest], earliest: [...ends.earliest] }),
      async fetchBlock(partition, offset) {
        reads.push(`${partition}@${offset}`);
        const record = { ...read(partition, offset), key: null, value: null, headers: {} };
        return { partition, records: [record], nextOffset: 0n, highWatermark: 0n, logStartOffset: 0n };
      },
    },
  );
  return {
    ...{ committed, ends, lags, reads },
    answer: (other: typeof read) => (read = other),
    /** Names and times that a look finds, and what it reads. */
    async look() {
      reads.length = 0;
      const found = await lags.measure(signal);
      return {
        times: Object.fromEntries(found.map((lag) => [lag.name, lag.oldestLogTimeMs])),
        reads: [...reads],
      };
    },
  };
}

test('nothing is read of a subscription that is worked on, and nothing twice of one that stands still', async () => {
  const topic = createTopic();
  topic.committed.set('idle', [40n, 30n]).set('busy', [100n, 100n]);
  assert.deepEqual(await topic.look(), { times: { idle: 30, busy: undefined }, reads: ['0@40', '1@30'] });
  topic.ends.latest = [200n, 200n];
  topic.committed.set('busy', [150n, 100n]);
  assert.deepEqual(await topic.look(), { times: { idle: 30, busy: undefined }, reads: [] });
  assert.deepEqual(await topic.look(), { times: { idle: 30, busy: 100 }, reads: ['0@150', '1@100'] });
});

test('what was acknowledged since, seen from another topic, or deleted, is not the oldest any more', async () => {
  const topic = createTopic();
  topic.committed.set('idle', [40n, 30n]);
  await topic.look();
  const oldest = (topicId: string, ...next: bigint[]) => topic.lags.oldestLogTimeMs('idle', topicId, next);
  assert.equal(oldest('first', 40n, 30n), 30);
  assert.equal(oldest('first', 40n, 31n), 40);
  assert.equal(oldest('first', 100n, 100n), undefined);
  assert.equal(oldest('second', 40n, 30n), undefined);
  topic.ends.topicId = 'second';
  assert.deepEqual((await topic.look()).reads, ['0@40', '1@30']);
  topic.committed.clear();
  assert.deepEqual(await topic.look(), { times: {}, reads: [] });
  assert.equal(oldest('second', 40n, 30n), undefined);
});

test('events that retention has taken are passed, and those whose time nobody knows as well', async () => {
  const topic = createTopic();
  topic.committed.set('idle', [0n, 30n]);
  topic.ends.earliest = [10n, 0n];
  assert.deepEqual(await topic.look(), { times: { idle: 10 }, reads: ['0@10', '1@30'] });
  topic.committed.set('idle', [20n, 31n]);
  topic.answer((partition, offset) => {
    if (partition === 0) throw new OffsetOutOfRangeError(partition, offset);
    return { partition, offset, timestampMs: -1 };
  });
  assert.deepEqual((await topic.look()).times, { idle: undefined });
});

test('the share of the log that waits is of the partition where it is largest, and that has dropped records', async () => {
  const topic = createTopic();
  topic.committed.set('idle', [0n, 90n]).set('gone', [100n, 10n]);
  const shares = async () =>
    (await topic.lags.measure(signal)).map(({ name, shareOfLog }) => [name, shareOfLog]);
  assert.deepEqual(await shares(), [
    ['gone', 0],
    ['idle', 0],
  ]);
  topic.ends.earliest = [0n, 50n];
  assert.deepEqual(await shares(), [
    ['gone', 1],
    ['idle', 0.2],
  ]);
});

test('of very many subscriptions some are looked at each time, and each of them in the end', async () => {
  const topic = createTopic();
  for (let count = 0; count < 1_200; count += 1) topic.committed.set(`s${count}`, [BigInt(count % 50), 100n]);
  const seen = [];
  for (let looks = 0; looks < 3; looks += 1) seen.push(Object.keys((await topic.look()).times).length);
  assert.deepEqual(seen, [500, 1_000, 1_200]);
});
