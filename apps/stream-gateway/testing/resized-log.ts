import assert from 'node:assert/strict';
import {
  isExpectedAt,
  keyHash,
  type PartitionChange,
  type TopicLayout,
  UNCHANGED_LAYOUT,
} from '@order-events/messaging';
import { emptyBlock, type EventBlock, extendBlock } from '../src/log/event-block.ts';
import { readLogEvent } from '../src/log/log-event.ts';
import { withRecorded } from '../src/log/layout-check.ts';
import { type Boundaries, type Cursor, partitionsFrom, readBatch } from '../src/log/event-batch.ts';
import { createEventFilter } from '../src/log/event-filter.ts';
import { logBatch, orderEvent } from './order-events.ts';

export const ORDERS = Array.from({ length: 24 }, (_, index) => `order-${index}`);

/** What can happen to a topic that is resized while a process follows it and streams read from that; numbers choose among what there is. */
export type ResizeStep =
  | { readonly kind: 'publish'; readonly orders: readonly number[] }
  | { readonly kind: 'resize' }
  /** The tail reads a partition, so many records at most. */
  | { readonly kind: 'follow'; readonly partition: number; readonly most: number }
  /** The tail looks for new partitions. */
  | { readonly kind: 'look' }
  | { readonly kind: 'begin'; readonly share: number }
  /** A stream reads: from memory, or a block of history, which may end anywhere. */
  | {
      readonly kind: 'read';
      readonly stream: number;
      readonly turn: number;
      readonly most: number;
      readonly block: number;
    };

/** The boundaries of a reader, of a layout and its cursor at the beginning of a batch. `head` tells where the tail is. */
export type FindBoundaries = (
  layout: TopicLayout,
  from: Readonly<Cursor>,
  head: (partition: number) => bigint,
) => Boundaries | undefined;

interface Entry {
  readonly order: string;
  readonly version: number;
}

interface Stream {
  readonly cursor: Cursor;
  readonly newest: Map<string, number>;
  /** Of what it is to get. */
  readonly from: Cursor;
  delivered: number;
}

const ALL = createEventFilter({ statuses: [], orderIds: [], customerIds: [], eventTypes: [] });
/** Encoding one for each would take most of the time. */
const [RECORD] = logBatch(0, 0n, [orderEvent()]).records;
const EVENT = readLogEvent(RECORD ?? assert.fail());

/** A topic of one number of partitions after the other, its tail, and streams. Fails the test that hands on an order out of order. */
export function createResizedLog(counts: readonly number[], findBoundaries: FindBoundaries) {
  const logs: Entry[][] = Array.from({ length: Math.max(...counts) }, () => []);
  const versions = new Map<string, number>();
  const recorded: PartitionChange[] = [];
  const heads: bigint[] = [];
  const streams: Stream[] = [];
  let known = UNCHANGED_LAYOUT;
  let phase = 0;

  const countNow = () => counts[phase] ?? 0;
  const head = (partition: number) => heads[partition] ?? 0n;

  function look(): void {
    known = withRecorded(known, recorded);
    while (heads.length < countNow()) heads.push(0n);
    for (const { cursor } of streams) while (cursor.length < heads.length) cursor.push(0n);
  }

  function resize(): void {
    if (phase === counts.length - 1) return;
    // A process that misses one change and sees the next cannot know it by an event: it looks more often than that.
    look();
    const ends = logs.slice(0, countNow()).map(({ length }) => BigInt(length));
    phase += 1;
    recorded.push({
      formerCount: ends.length,
      count: countNow(),
      ends,
      changedAt: new Date(phase),
    });
  }

  function publish(orders: readonly number[]): void {
    for (const index of orders) {
      const order = ORDERS[index % ORDERS.length] ?? assert.fail();
      const version = (versions.get(order) ?? 0) + 1;
      versions.set(order, version);
      logs[keyHash(order) % countNow()]?.push({ order, version });
    }
  }

  /** As the tail does: what is recorded is looked at before anybody is given an event that is not where its key belongs. */
  function follow(partition: number, most: number): void {
    if (partition >= heads.length) return;
    const from = Number(head(partition));
    const records = (logs[partition] ?? []).slice(from, from + most);
    const isAtHome = ({ order }: Entry, index: number) =>
      isExpectedAt({ partition, offset: BigInt(from + index), key: order }, known, heads.length);
    if (!records.every(isAtHome)) known = withRecorded(known, recorded);
    heads[partition] = BigInt(from + records.length);
  }

  function blockOf(partition: number, from: bigint, events: number): EventBlock {
    const block = emptyBlock(partition, from, 0);
    const entries = (logs[partition] ?? []).slice(Number(from), Number(from) + events);
    extendBlock(block, {
      events: entries.map(({ order }, index) => ({
        ...EVENT,
        partition,
        offset: from + BigInt(index),
        orderId: order,
      })),
      next: from + BigInt(entries.length),
    });
    return block;
  }

  function read(stream: Stream, { turn, most, block }: Extract<ResizeStep, { kind: 'read' }>): void {
    const { cursor, newest } = stream;
    const order = partitionsFrom(turn % cursor.length, cursor.length);
    const limits = { maxEvents: most, maxBytes: 1_000_000, maxScanned: 1_000 };
    // Memory holds nothing: all comes in blocks, which go as far as the log does, beyond the tail.
    const log = {
      blockAt: (partition: number, from: bigint) => blockOf(partition, from, block),
      head,
      isReadable: () => true,
    };
    const boundaries = findBoundaries(known, [...cursor], head);
    const { events } = readBatch(log, cursor, order, ALL, limits, undefined, boundaries);
    for (const { partition, offset, orderId } of events) {
      const { version } = logs[partition]?.[Number(offset)] ?? assert.fail();
      const last = newest.get(orderId) ?? 0;
      assert.ok(version > last, `out of order: ${orderId} ${version} after ${last}`);
      newest.set(orderId, version);
    }
    stream.delivered += events.length;
  }

  function begin(share: number): void {
    const from = heads.map((end) => BigInt(Math.floor(Number(end) * share)));
    streams.push({ cursor: [...from], newest: new Map(), from, delivered: 0 });
  }

  function run(step: ResizeStep): void {
    switch (step.kind) {
      case 'publish':
        return publish(step.orders);
      case 'resize':
        return resize();
      case 'follow':
        return follow(step.partition % logs.length, step.most);
      case 'look':
        return look();
      case 'begin':
        return begin(step.share);
      case 'read':
        return read(streams[step.stream % streams.length] ?? assert.fail(), step);
    }
  }

  look();
  begin(0);
  return {
    run,
    /** Everything is read in the end. */
    settle(): void {
      look();
      logs.forEach(({ length }, partition) => follow(partition, length));
      for (const [index, stream] of streams.entries()) {
        const rest = logs.flat().length;
        for (let turn = 0; turn <= rest; turn += 1) {
          read(stream, { kind: 'read', stream: index, turn, most: 3, block: 5 });
        }
        const expected = logs.reduce(
          (sum, { length }, partition) => sum + length - Number(stream.from[partition] ?? 0n),
          0,
        );
        assert.equal(stream.delivered, expected, 'a stream stands still');
      }
    },
  };
}
