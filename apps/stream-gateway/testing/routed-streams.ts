import assert from 'node:assert/strict';
import type { OrderEvent } from '@order-events/domain';
import type { OrderLog } from '../src/log/order-log.ts';
import { STATUS_NAMES } from '../src/order-enums.ts';
import type { EdgeSeats } from '../src/watch/edge-seats.ts';
import type { EventSelection } from '../src/log/event-filter.ts';
import { decodeResumeToken } from '../src/position/resume-token.ts';
import type { WatchMessage } from '../src/watch/watch-message.ts';
import { orderEvent } from './order-events.ts';
import { createWatchedLog, type OpenWatch, type WatchedLog } from './watched-log.ts';

export type RoutedStep =
  | { readonly kind: 'append'; readonly partition: number; readonly events: readonly RoutedEvent[] }
  | { readonly kind: 'unreadable'; readonly partition: number; readonly count: number }
  | { readonly kind: 'open'; readonly selection: Partial<EventSelection> }
  | { readonly kind: 'close' | 'stall' | 'go on'; readonly stream: number }
  | { readonly kind: 'add partition' | 'lose Kafka' | 'settle' };

export interface RoutedEvent {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: 'pending' | 'shipped';
  readonly previousStatus: 'pending' | 'shipped' | undefined;
}

/** What the log has at one offset; without an event: it cannot be read. */
interface Entry {
  readonly event: OrderEvent | undefined;
}

interface Stream {
  readonly open: OpenWatch;
  readonly selection: Partial<EventSelection>;
  readonly from: readonly bigint[];
  readonly got: Set<string>;
  missed: bigint;
  reached: readonly bigint[];
  /** Why what it was told is not true. */
  fault: Error | undefined;
  /** The client reads on when this has resolved. */
  gate: Promise<void>;
  goOn: () => void;
  pumping: Promise<void>;
}

const HEARTBEAT_MS = 4;
/** Far more than a healthy stream takes to tell how far it has read. */
const SETTLE_MS = 5_000;

/**
 * Real streams on a log, whose clients note everything and hold each message against the log: all that matches before its token has
 * been delivered, once, and nothing else. Throws at the first lie.
 */
export async function runRouted(
  steps: readonly RoutedStep[],
  options: { ringBytes: number; createSeats: (log: OrderLog) => EdgeSeats },
): Promise<void> {
  const given = createWatchedLog(options);
  const log: Entry[][] = [[], [], []];
  const streams: Stream[] = [];
  given.open();
  try {
    for (const step of steps) await run(step, given, log, streams);
    for (const stream of streams) stream.goOn();
    await settled(streams, given);
    for (const stream of streams) assert.equal(stream.missed, missedUpTo(stream, log, given.ends()));
  } finally {
    for (const stream of streams) stream.goOn();
    await Promise.all(streams.map(close));
  }
}

async function run(step: RoutedStep, given: WatchedLog, log: Entry[][], streams: Stream[]): Promise<void> {
  switch (step.kind) {
    case 'append': {
      const partition = step.partition % log.length;
      const events = step.events.map((event) => orderEvent(event));
      log[partition]?.push(...events.map((event) => ({ event })));
      return given.append(partition, events);
    }
    case 'unreadable': {
      const partition = step.partition % log.length;
      const events = Array.from({ length: step.count }, () => orderEvent());
      log[partition]?.push(...events.map(() => ({ event: undefined })));
      return given.appendUnreadable(partition, events);
    }
    case 'add partition':
      log.push([]);
      return given.addPartition();
    case 'lose Kafka':
      given.log.setAvailable(false);
      return given.log.setAvailable(true);
    case 'settle':
      return settled(streams.filter(isReading), given);
    case 'open':
      if (streams.length < 10) streams.push(openStream(step.selection, given, log));
      return;
    case 'close':
    case 'stall':
    case 'go on':
      return change(step, streams);
  }
}

async function change(
  step: Extract<RoutedStep, { readonly stream: number }>,
  streams: Stream[],
): Promise<void> {
  const [stream] = streams.splice(step.stream % Math.max(1, streams.length), 1);
  if (!stream) return;
  if (step.kind === 'close') return close(stream);
  streams.push(stream);
  if (step.kind === 'stall') stall(stream);
  else stream.goOn();
}

function openStream(selection: Partial<EventSelection>, given: WatchedLog, log: Entry[][]): Stream {
  const open = given.watch({ selection, heartbeatMs: HEARTBEAT_MS, maxBatchSize: 3, allowGap: true });
  const from = given.ends();
  const stream: Stream = {
    ...{ open, selection, from, reached: from, missed: 0n, fault: undefined },
    got: new Set(),
    gate: Promise.resolve(),
    goOn: () => {},
    pumping: Promise.resolve(),
  };
  stream.pumping = pump(stream, log).catch((error: unknown) => {
    stream.fault ??= error instanceof Error ? error : new Error(String(error));
  });
  return stream;
}

const gone = new WeakSet<Stream>();
const stalled = new WeakSet<Stream>();
const isReading = (stream: Stream) => !stalled.has(stream);

async function pump(stream: Stream, log: Entry[][]): Promise<void> {
  while (!gone.has(stream)) {
    await stream.gate;
    const message = await stream.open.next().catch((error: unknown) => {
      if (!gone.has(stream)) throw error;
    });
    if (message) take(stream, message, log);
  }
}

function take(stream: Stream, { events, resumeToken, signal }: WatchMessage, log: Entry[][]): void {
  for (const { partition, offset } of events) {
    const place = `${partition}@${offset}`;
    assert.ok(!stream.got.has(place), `${place} was delivered twice`);
    stream.got.add(place);
  }
  if (signal?.kind === 'gap') stream.missed += signal.missedEvents;
  const point = decodeResumeToken(resumeToken);
  assert.ok(point.kind === 'offsets');
  const due = matchingUpTo(stream, log, point.next);
  assert.deepEqual([...stream.got].toSorted(), due.toSorted(), 'delivered, and matching before the token');
  stream.reached = point.next;
}

/** What a stream should have got when it has read up to there. */
function matchingUpTo({ selection, from }: Stream, log: Entry[][], next: readonly bigint[]): string[] {
  return log.flatMap((entries, partition) =>
    entries.flatMap(({ event }, index) => {
      const isRead = index >= (from[partition] ?? 0n) && index < (next[partition] ?? 0n);
      return isRead && event && isSelected(event, selection) ? [`${partition}@${index}`] : [];
    }),
  );
}

function missedUpTo({ from }: Stream, log: Entry[][], next: readonly bigint[]): bigint {
  const missed = log.flatMap((entries, partition) =>
    entries.filter(
      ({ event }, index) => !event && index >= (from[partition] ?? 0n) && index < (next[partition] ?? 0n),
    ),
  );
  return BigInt(missed.length);
}

/** By itself, so that it does not agree with a filter that is wrong. */
function isSelected({ order, previousStatus }: OrderEvent, wanted: Partial<EventSelection>): boolean {
  const hasLeft =
    wanted.matchPreviousStatus === true &&
    previousStatus !== undefined &&
    wanted.statuses?.includes(STATUS_NAMES[previousStatus]);
  const isOne = <T>(values: readonly T[] = [], value: T) => values.length === 0 || values.includes(value);
  return (
    (hasLeft || isOne(wanted.statuses, STATUS_NAMES[order.status])) &&
    isOne(wanted.orderIds, order.orderId) &&
    isOne(wanted.customerIds, order.customerId)
  );
}

/** Waits until all have told that they have read everything. */
async function settled(streams: readonly Stream[], given: WatchedLog): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_MS;
  for (const stream of streams) {
    const ends = given.ends();
    while (!ends.every((end, partition) => stream.reached[partition] === end)) {
      if (stream.fault) throw stream.fault;
      assert.ok(
        performance.now() < deadlineMs,
        `stands still at ${stream.reached.join()}, the log ends at ${ends.join()}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (stream.fault) throw stream.fault;
  }
}

function stall(stream: Stream): void {
  if (stalled.has(stream)) return;
  stalled.add(stream);
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.gate = promise;
  stream.goOn = () => {
    stalled.delete(stream);
    resolve();
  };
}

async function close(stream: Stream): Promise<void> {
  gone.add(stream);
  stream.goOn();
  await stream.open.close();
  await stream.pumping;
}
