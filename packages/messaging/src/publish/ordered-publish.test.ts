import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishableEvent } from '@order-events/domain';
import type { AppendResult } from './append-result.ts';
import { publishInOrder } from './ordered-publish.ts';

const signal = new AbortController().signal;

function createEvents(count: number): PublishableEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    eventId: String(index),
    key: 'k',
    partition: 4,
    value: '{}',
    headers: {},
  }));
}

/** Publishes to a log at offset 10 whose writer answers `append` as told. */
async function publish(
  count: number,
  answer: (batch: readonly PublishableEvent[], offset: bigint) => AppendResult | undefined,
) {
  let offset = 10n;
  const batches: string[][] = [];
  const writer = {
    append(_partition: number, batch: readonly PublishableEvent[]): Promise<AppendResult> {
      batches.push(batch.map(({ eventId }) => eventId));
      const result = answer(batch, offset) ?? { kind: 'appended', baseOffset: offset };
      if (result.kind === 'appended') offset += BigInt(batch.length);
      return Promise.resolve(result);
    },
  };
  const unexpected: object[] = [];
  const { outcomes, nextOffset } = await publishInOrder({
    writer,
    partition: 4,
    events: createEvents(count),
    nextOffset: 10n,
    observer: { unexpectedOffset: (partition, offsets) => unexpected.push({ partition, ...offsets }) },
    signal,
  });
  return { unexpected, batches, nextOffset, outcomes, kinds: outcomes.map(({ kind }) => kind) };
}

test('each event gets the offset that follows the one before', async () => {
  const { outcomes, nextOffset } = await publish(450, () => undefined);
  assert.deepEqual(
    outcomes,
    outcomes.map((_, index) => ({ kind: 'published', offset: 10n + BigInt(index) })),
  );
  assert.equal(outcomes.length, 450);
  assert.equal(nextOffset, 460n);
});

test('a refused batch is halved until the event at fault is alone; those after it are held', async () => {
  const { batches, kinds, nextOffset, outcomes } = await publish(8, (batch) =>
    batch.some(({ eventId }) => eventId === '5') ? { kind: 'refused', reason: 'too large' } : undefined,
  );
  assert.deepEqual(batches.slice(1), [['0', '1', '2', '3'], ['4', '5', '6', '7'], ['4', '5'], ['4'], ['5']]);
  assert.deepEqual(kinds, [...Array<string>(5).fill('published'), 'refused', 'held', 'held']);
  assert.deepEqual(outcomes[5], { kind: 'refused', reason: 'too large' });
  assert.equal(nextOffset, 15n);
});

test('a batch that was not sent is held, with all that follow', async () => {
  const { kinds, batches, nextOffset } = await publish(450, (_, offset) =>
    offset === 210n ? { kind: 'unsent' } : undefined,
  );
  assert.deepEqual(kinds, [...Array<string>(200).fill('published'), ...Array<string>(250).fill('held')]);
  assert.equal(batches.length, 2);
  assert.equal(nextOffset, 210n);
});

test('after a batch of unknown outcome the partition has to be claimed again', async () => {
  const { kinds, batches, nextOffset } = await publish(450, (_, offset) =>
    offset === 210n ? { kind: 'unknown', reason: 'no answer' } : undefined,
  );
  assert.deepEqual(kinds, [
    ...Array<string>(200).fill('published'),
    ...Array<string>(200).fill('unknown'),
    ...Array<string>(50).fill('held'),
  ]);
  assert.equal(batches.length, 2);
  assert.equal(nextOffset, undefined);
});

for (const [baseOffset, why] of [
  [12n, /got offset 12 instead of 10: a second writer/],
  [3n, /got offset 3 instead of 10: the log was truncated/],
] as const) {
  test(`an offset other than the next one is unknown: ${why.source}`, async () => {
    const { outcomes, nextOffset, unexpected } = await publish(2, () => ({ kind: 'appended', baseOffset }));
    assert.deepEqual(unexpected, [{ partition: 4, expected: 10n, found: baseOffset }]);
    for (const outcome of outcomes) {
      assert.match(outcome.kind === 'unknown' ? outcome.reason : outcome.kind, why);
    }
    assert.equal(nextOffset, undefined);
  });
}
