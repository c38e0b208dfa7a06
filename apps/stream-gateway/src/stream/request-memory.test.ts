import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderFilter, OrderStatus } from '@order-events/order-stream';
import { StreamError } from './stream-error.ts';
import { createRequestMemory, tokenBytes } from './request-memory.ts';
import { encodeResumeToken } from '../position/resume-token.ts';

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

const filterOf = (...orderIds: string[]) => OrderFilter.fromPartial({ orderIds });
const tokenOf = (partitions: number, offset: bigint) =>
  encodeResumeToken({
    kind: 'offsets',
    topicId: TOPIC_ID,
    next: Array.from({ length: partitions }, () => offset),
  });
const isRefused = (error: unknown) =>
  error instanceof StreamError && error.reason === 'REQUEST_MEMORY_EXHAUSTED';

test('equal filters are kept once, whatever the order of their values, until their last stream is over', () => {
  const memory = createRequestMemory(1_000_000);
  const first = filterOf('a', 'b');
  const kept = [first, filterOf('b', 'a'), filterOf('a', 'b')].map((filter) => memory.keep(filter, 0));
  const ofOne = memory.sizeBytes();
  assert.ok(kept.every(({ filter, matches }) => filter === first && matches === kept[0]!.matches));
  memory.keep(filterOf('a'), 0);
  assert.ok(memory.sizeBytes() > ofOne);
  kept[0]!.release();
  kept[1]!.release();
  const before = memory.sizeBytes();
  kept[2]!.release();
  assert.equal(memory.sizeBytes(), before - ofOne);
});

test('one filter more than there is room for is refused, one that is kept already is not, nor one that wants all', () => {
  const memory = createRequestMemory(500_000);
  const large = (name: string) =>
    filterOf(...Array.from({ length: 1_000 }, (_, index) => `${name}${index}`.padEnd(200, 'x')));
  const one = memory.keep(large('one'), 0);
  assert.throws(() => memory.keep(large('two'), 0), isRefused);
  memory.keep(large('one'), 0).release();
  memory.keep(undefined, 0);
  memory.keep(OrderFilter.fromPartial({}), 0);
  one.release();
  assert.equal(memory.sizeBytes(), 0);
  memory.keep(large('two'), 0);
});

test('a filter is counted by what it takes: each value, and two bytes a character where one is beyond Latin-1', () => {
  const bytesOf = (filter: OrderFilter) => {
    const memory = createRequestMemory(1_000_000);
    memory.keep(filter, 0);
    return memory.sizeBytes();
  };
  const one = bytesOf(filterOf('x'.repeat(200)));
  assert.equal(bytesOf(filterOf(`${'x'.repeat(199)}€`)) - one, 200);
  assert.equal(bytesOf(filterOf(`${'x'.repeat(199)}é`)), one);
  assert.ok(bytesOf(filterOf('x'.repeat(200), 'y')) > one);
  assert.ok(bytesOf(OrderFilter.fromPartial({ statuses: [OrderStatus.SHIPPED] })) > 0);
});

test('bytes beside the filter count for each stream', () => {
  const memory = createRequestMemory(1_000);
  const kept = memory.keep(undefined, 600);
  assert.throws(() => memory.keep(undefined, 600), isRefused);
  kept.release();
  memory.keep(undefined, 600);
});

test('a token counts when it names more partitions than the topic has, or nobody knows how many', () => {
  const token = tokenOf(12, 2n ** 50n);
  assert.equal(tokenBytes({ kind: 'token', token }, 12), 0);
  assert.ok(tokenBytes({ kind: 'token', token }, 0) > token.length);
  const far = tokenOf(10_000, 0n);
  assert.ok(tokenBytes({ kind: 'token', token: far }, 12) >= 10_000 * 32);
  assert.equal(tokenBytes({ kind: 'earliest' }, 0), 0);
});
