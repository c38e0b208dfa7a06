import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { logBatch, orderEvent } from '../../testing/order-events.ts';
import { createHistory, type History } from './history.ts';
import type { HistoryReader } from './history-pass.ts';

const EPOCH = 1;
const PARTITIONS = 4;
const EVENTS_PER_BLOCK = 4;
const BLOCKS_PER_PARTITION = 40;
const BLOCKS = PARTITIONS * BLOCKS_PER_PARTITION;
const END = BigInt(EVENTS_PER_BLOCK * BLOCKS_PER_PARTITION);
const KEPT_BLOCKS = 12;
const STREAMS = 60;
const MOST_TIMES_OF_ONE = 1.5;

/** A log of a few partitions, of which only a small part is kept in memory. */
async function countedHistory() {
  const events = Array.from({ length: EVENTS_PER_BLOCK }, () => orderEvent());
  let fetches = 0;
  const options = (maxBytes: number) => ({
    reader: {
      async fetchBlock(partition: number, offset: bigint) {
        await nextTurn();
        return logBatch(partition, offset, events);
      },
    },
    ...{ maxBytes, maxConcurrentFetches: 8, onFetch: () => (fetches += 1) },
  });
  const { sizeBytes } = await createHistory(options(1)).read(EPOCH, 0, 0n);
  fetches = 0;
  return { history: createHistory(options(KEPT_BLOCKS * sizeBytes)), fetches: () => fetches };
}

/** Reads all, partition by partition in turn, as a stream does that takes `pace` turns of the event loop for a block. */
async function readAll(reader: HistoryReader, first: number, pace: (block: number) => number): Promise<void> {
  const next = Array.from({ length: PARTITIONS }, () => 0n);
  for (let block = 0; next.some((offset) => offset < END); block += 1) {
    const places = next.map((offset, partition) => ({ partition, offset }));
    const inTurn = [
      ...places.slice((first + block) % PARTITIONS),
      ...places.slice(0, (first + block) % PARTITIONS),
    ];
    const {
      partition,
      from,
      next: after,
    } = await reader.read(
      EPOCH,
      inTurn.filter(({ offset }) => offset < END),
    );
    assert.ok(from <= next[partition]! && next[partition]! < after);
    next[partition] = after;
    for (let turns = pace(block); turns > 0; turns -= 1) await nextTurn();
  }
  reader.leave();
}

/** Streams of different pace, each of which begins with another partition; the later ones come when the first have begun. */
async function readTogether(join: (history: History) => HistoryReader): Promise<number> {
  const { history, fetches } = await countedHistory();
  const streams: Promise<void>[] = [];
  for (let stream = 0; stream < STREAMS; stream += 1) {
    streams.push(readAll(join(history), stream, (block) => (stream * 7 + block) % (1 + (stream % 9))));
    if (stream % 10 === 9) await nextTurn();
  }
  await Promise.all(streams);
  return fetches();
}

function byItself({ read }: History): HistoryReader {
  return { read: (epoch, [first]) => read(epoch, first!.partition, first!.offset), leave: () => {} };
}

test('streams that read everything with different pace ask Kafka about as often as one', async () => {
  const fetches = await readTogether((history) => history.join());
  assert.ok(fetches <= MOST_TIMES_OF_ONE * BLOCKS, `${fetches} fetches for ${BLOCKS} blocks`);
});

test('the same streams ask much more often when each reads by itself', async () => {
  const fetches = await readTogether((history) => byItself(history));
  assert.ok(fetches > MOST_TIMES_OF_ONE * BLOCKS, `${fetches} fetches for ${BLOCKS} blocks`);
});

test('a stream that does not come back holds up nobody, and reads on by itself', async () => {
  const { history, fetches } = await countedHistory();
  const slow = history.join();
  await slow.read(EPOCH, [{ partition: 0, offset: 0n }]);
  const streams = Array.from({ length: 10 }, (_, stream) => readAll(history.join(), stream, () => 0));
  await Promise.all(streams);
  assert.ok(fetches() <= MOST_TIMES_OF_ONE * BLOCKS, `${fetches()} fetches for ${BLOCKS} blocks`);
  await readAll(slow, 0, () => 0);
});

test('a stream that leaves is not waited for, and what it waits for is not read', async () => {
  const { history, fetches } = await countedHistory();
  const [first, second, third] = [history.join(), history.join(), history.join()];
  await first.read(EPOCH, [{ partition: 0, offset: 0n }]);
  const left = second.read(EPOCH, [{ partition: 1, offset: 0n }]);
  const kept = third.read(EPOCH, [{ partition: 2, offset: 0n }]);
  second.leave();
  await assert.rejects(left, /has left/);
  first.leave();
  assert.equal((await kept).partition, 2);
  assert.equal(fetches(), 2);
});

test('who is refused a block is not waited for', async () => {
  const history = createHistory({
    reader: {
      fetchBlock: async (partition, offset) => {
        if (partition === 1) throw new Error('Kafka is away');
        return logBatch(partition, offset, [orderEvent()]);
      },
    },
    ...{ maxBytes: 1_000_000, maxConcurrentFetches: 8, onFetch: () => {} },
  });
  const [refused, other] = [history.join(), history.join()];
  await assert.rejects(refused.read(EPOCH, [{ partition: 1, offset: 0n }]), /Kafka is away/);
  assert.equal((await other.read(EPOCH, [{ partition: 0, offset: 0n }])).events.length, 1);
});
