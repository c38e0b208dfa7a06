import assert from 'node:assert/strict';
import type { OrderEvent } from '@order-events/domain';
import { createEventBlock, createGapBlock, type EventBlock } from '../src/log/event-block.ts';
import { logBatch } from './order-events.ts';
import type { HistoryReader } from '../src/log/history-pass.ts';
import type { History } from '../src/log/history.ts';

/** The records of one partition. */
export interface WatchedPartition {
  readonly events: OrderEvent[];
  readonly unreadable: Set<number>;
  start: bigint;
  isLost: boolean;
}

const HISTORY_BLOCK_EVENTS = 7;

/** As Kafka tells them. */
export function endsOfFound(records: readonly WatchedPartition[]) {
  const unlessLost = (offset: (of: WatchedPartition) => bigint) =>
    records.map((each) => (each.isLost ? undefined : offset(each)));
  return {
    earliest: unlessLost(({ start }) => start),
    latest: unlessLost(({ events }) => BigInt(events.length)),
  };
}

export const newPartition = (): WatchedPartition => ({
  events: [],
  unreadable: new Set(),
  start: 0n,
  isLost: false,
});

/** What a fetch brings: some events, or what of the log cannot be read. */
export function historyBlock(
  { events, unreadable }: WatchedPartition,
  partition: number,
  from: number,
): EventBlock {
  let next = from + 1;
  const isGap = unreadable.has(from);
  const most = isGap ? events.length : Math.min(events.length, from + HISTORY_BLOCK_EVENTS);
  while (next < most && unreadable.has(next) === isGap) next += 1;
  if (isGap) return createGapBlock(partition, BigInt(from), BigInt(next));
  const batch = logBatch(partition, BigInt(from), events.slice(from, next));
  return createEventBlock(batch, BigInt(from), () => assert.fail());
}

/** Reads what is wanted first, and waits for nobody. */
export function alongReader(read: History['read']): HistoryReader {
  return {
    read: (epoch, [first]) =>
      first ? read(epoch, first.partition, first.offset) : assert.fail('a stream asked for nothing'),
    leave: () => {},
  };
}
