import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogReader } from '../read/log-reader.ts';
import { type KnownLog, readBack } from './read-back.ts';

const NEVER = new AbortController().signal;

/** A log that begins at offset 3, with events a, b, c at 3, 4, 6 and a marker at 5; it tells what was read. */
function setup(change: Partial<KnownLog>) {
  const events = new Map([
    [3n, 'a'],
    [4n, 'b'],
    [6n, 'c'],
  ]);
  const reads: bigint[] = [];
  const read: LogReader['read'] = async (from, to, onBatch) => {
    const first = from.get(0) ?? 0n;
    reads.push(first);
    for (let offset = first; offset < (to.get(0) ?? 0n); offset += 1n) {
      const id = events.get(offset);
      const headers: Record<string, Buffer> = id === undefined ? {} : { ce_id: Buffer.from(id) };
      const record = { partition: 0, offset, timestampMs: 0, key: null, value: null, headers };
      const place = { nextOffset: offset + 1n, highWatermark: 8n, logStartOffset: 3n };
      await onBatch({ partition: 0, records: [record], ...place });
    }
  };
  const known = { partition: 0, topicId: 't', startOffset: 3n, endBefore: 7n, endOffset: 8n, fromOffset: 5n };
  return { reads, result: readBack({ read }, { ...known, mark: undefined, ...change }, NEVER) };
}

const b = { offset: 4n, eventId: 'b' };

test('what is known is read from its last event on, and only what comes after the offset counts', async () => {
  const { result, reads } = setup({ mark: { topicId: 't', last: b } });
  const { ids, last, from, truncated } = await result;
  assert.deepEqual([[...ids], last, from, truncated], [['c'], { offset: 6n, eventId: 'c' }, 4n, false]);
  assert.deepEqual(reads, [4n]);
});

const cut: Readonly<Record<string, Partial<KnownLog>>> = {
  'that ends before the offset': { fromOffset: 8n },
  'with another event in the place': { mark: { topicId: 't', last: { ...b, eventId: 'x' } } },
  'with a marker in the place': {
    fromOffset: 6n,
    mark: { topicId: 't', last: { offset: 5n, eventId: 'x' } },
  },
  'that ends before the event': { mark: { topicId: 't', last: { offset: 8n, eventId: 'x' } } },
  'of another topic': { mark: { topicId: 'u', last: b } },
};

for (const [what, change] of Object.entries(cut)) {
  test(`a log ${what} is truncated, and all of it that is near counts`, async () => {
    const { ids, last, from, truncated } = await setup(change).result;
    assert.deepEqual([[...ids], last?.eventId, from, truncated], [['a', 'b', 'c'], 'c', 3n, true]);
  });
}

test('an event that retention has deleted was there', async () => {
  const { ids, truncated } = await setup({ mark: { topicId: 't', last: { offset: 2n, eventId: 'x' } } })
    .result;
  assert.deepEqual([[...ids], truncated], [['c'], false]);
});
