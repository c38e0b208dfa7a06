import type { LogEvent } from '../log/log-event.ts';
import type { HeldView } from '../stream/registered-watch.ts';
import type { StreamError } from '../stream/stream-error.ts';
import type { HeldRecord, Rejection, RejectPolicy } from './held-order.ts';
import { createLooking } from './held-look.ts';
import { createHeldPartition } from './held-partition.ts';
import type { HeldPartition, RejectAnswer } from './held-partition-api.ts';
import { withAttempt } from './held-record.ts';
import { createHeldWork, type HeldWorkOptions } from './held-work.ts';
import { createOwedAnswers } from './owed-answers.ts';

export interface HeldOrdersOptions extends HeldWorkOptions {
  readonly policy: RejectPolicy;
  readonly limits: HeldLimits;
}

/** Of one subscription and partition. Beyond them its share waits. */
export interface HeldLimits {
  readonly events: number;
  readonly bytes: number;
}

/** The held orders of all partitions of one stream, and their place in Kafka. */
export interface HeldOrders {
  /** The stream has these partitions from now on, until `over` aborts; of former ones nothing is known any more. */
  assign(marks: ReadonlyMap<number, bigint>, over: AbortSignal): void;
  /** Partitions of the same assignment that come later. */
  extend(marks: ReadonlyMap<number, bigint>): void;
  /** Those that hold something, or have: they are begun anew with an assignment. */
  touched(): ReadonlySet<number>;
  /** Whether events of the partition may be sent from this offset on: it is known what is held, and more may be. */
  isReadable(partition: number, offset: bigint): boolean;
  /** Whether its share waits since too much is held. */
  isFull(partition: number): boolean;
  /** Those of the events that are to be sent now. */
  arrive(events: readonly LogEvent[]): readonly LogEvent[];
  /** `take` takes back the events of a partition that are out and match. False when there is no such event. */
  reject(eventId: string, target: LogEvent | undefined, take: TakeEvents, rejection: Rejection): void;
  /** An event that is to be sent again. */
  due(
    doneUpTo: (partition: number) => bigint,
  ): { event: LogEvent; sent(messageNumber: number): void } | undefined;
  /** On the monotonic clock. */
  dueAtMs(): number;
  acknowledge(messageNumber: number): void;
  outCount(): number;
  oldestOutMs(): number | undefined;
  unwrittenMessage(): number | undefined;
  unstoredOffset(partition: number): bigint | undefined;
  mark(partition: number): bigint | undefined;
  /** For operators. */
  readonly view: HeldView;
  takeAnswer(): RejectAnswer | undefined;
  /** Why the stream must end. */
  failure(): StreamError | undefined;
  isBusy(): boolean;
  /** Waits until what is held is stored, for so long at most. */
  settle(deadlineMs: number): Promise<void>;
  size(): { readonly events: number; readonly bytes: number };
  close(): void;
}

export type TakeEvents = (partition: number, matches: (event: LogEvent) => boolean) => readonly LogEvent[];

/** The wall clock, which others go by, as it was at the start: one that is set back must not make a delay longer by as much. */
function unsetClock(): () => number {
  const aheadMs = Date.now() - performance.now();
  return () => Math.floor(aheadMs + performance.now());
}

export function createHeldOrders(options: HeldOrdersOptions): HeldOrders {
  const { policy, limits } = options;
  const partitions = new Map<number, HeldPartition<LogEvent>>();
  const answers: RejectAnswer[] = [];
  const wallMs = unsetClock();
  const work = createHeldWork(options, (given) => answers.push(...given), wallMs);
  const looking = createLooking(() => readOf(partitions), work.grown, ask, options.onFailure);
  const owed = createOwedAnswers();
  let over = AbortSignal.abort();
  let sentMs = new Map<string, number>();

  const pump = (partition: number) => {
    const held = partitions.get(partition);
    if (held) work.begin(partition, held, over);
  };

  function heldOf(partition: number): HeldPartition<LogEvent> {
    const known = partitions.get(partition);
    if (known) return known;
    const held = createHeldPartition<LogEvent>(policy, undefined);
    partitions.set(partition, held);
    looking.begin();
    return held;
  }

  function ask(partition: number): void {
    partitions.get(partition)?.asked();
    pump(partition);
  }

  function forget(): void {
    for (const [partition, held] of partitions) {
      answers.push(...held.unanswered());
      owed.add(partition, held);
    }
    partitions.clear();
    sentMs = new Map();
  }

  function extend(marks: ReadonlyMap<number, bigint>): void {
    for (const [partition, mark] of marks) {
      if (partitions.has(partition)) continue;
      partitions.set(partition, createHeldPartition<LogEvent>(policy, mark));
      looking.begin();
      pump(partition);
    }
  }

  function isFull(partition: number): boolean {
    const size = partitions.get(partition)?.size();
    return size !== undefined && (size.events >= limits.events || size.bytes >= limits.bytes);
  }

  function rejectSent(target: LogEvent, take: TakeEvents, rejection: Rejection): void {
    const { partition, orderId, offset, eventId } = target;
    const taken = take(partition, (each) => each.orderId === orderId && each.offset >= offset);
    const later = taken.filter((each) => each.eventId !== eventId);
    heldOf(partition).reject(target, later, rejection, wallMs());
    pump(partition);
  }

  return {
    assign(marks, until) {
      forget();
      over = until;
      extend(marks);
    },
    extend,
    touched: () => new Set(partitions.keys()),
    isReadable(partition, offset) {
      const held = partitions.get(partition);
      if (!held) return true;
      // What lies before the last held event adds nothing, and the held ones wait until it is passed.
      return held.isReady() && (!isFull(partition) || offset <= held.highestOffset());
    },
    isFull,
    arrive(events) {
      if (partitions.size === 0) return events;
      const toSend = events.filter(
        (event) => (partitions.get(event.partition)?.arrive(event) ?? 'send') === 'send',
      );
      if (toSend.length < events.length) for (const partition of partitions.keys()) pump(partition);
      return toSend;
    },
    reject(eventId, target, take, rejection) {
      for (const [partition, held] of partitions) {
        if (held.rejectAgain(eventId, rejection, wallMs())) return pump(partition);
        if (held.has(eventId)) return void answers.push({ eventId, outcome: 'behind' });
      }
      if (target) rejectSent(target, take, rejection);
      else answers.push({ eventId, outcome: 'not outstanding' });
    },
    due(doneUpTo) {
      const nowMs = wallMs();
      for (const [partition, held] of partitions) {
        const found: HeldRecord<LogEvent> | undefined = held.due(nowMs, doneUpTo(partition));
        if (!found) continue;
        const { event, state } = found;
        const sent = (messageNumber: number) => {
          held.sent(event.eventId, messageNumber);
          sentMs.set(event.eventId, performance.now());
        };
        return { event: withAttempt(event, state.attempts + 1), sent };
      }
      return undefined;
    },
    dueAtMs() {
      const atMs = Math.min(...Array.from(partitions.values(), (held) => held.dueAtMs()));
      return atMs - wallMs() + performance.now();
    },
    acknowledge(messageNumber) {
      for (const [partition, held] of partitions) {
        held.acknowledge(messageNumber);
        pump(partition);
      }
    },
    outCount: () => sum(partitions.values(), (held) => held.outCount()),
    oldestOutMs() {
      for (const eventId of sentMs.keys()) {
        if (![...partitions.values()].some((held) => held.isOut(eventId))) sentMs.delete(eventId);
      }
      return sentMs.size > 0 ? Math.min(...sentMs.values()) : undefined;
    },
    unwrittenMessage() {
      const unwritten = [...partitions.values()].flatMap((held) => held.unwrittenMessage() ?? []);
      unwritten.push(...[owed.firstMessage((partition) => partitions.get(partition)) ?? []].flat());
      return unwritten.length > 0 ? Math.min(...unwritten) : undefined;
    },
    unstoredOffset: (partition) => partitions.get(partition)?.unstoredOffset(),
    mark: (partition) => partitions.get(partition)?.mark(),
    view: createView(partitions, isFull, ask),
    takeAnswer: () => answers.shift(),
    failure: work.failure,
    isBusy: () => work.isUnderWay() || answers.length > 0,
    settle: work.settle,
    size: () => sizeOf(partitions.values()),
    close() {
      looking.end();
      work.close();
    },
  };
}

function createView(
  partitions: ReadonlyMap<number, HeldPartition<LogEvent>>,
  isFull: (partition: number) => boolean,
  ask: (partition: number) => void,
): HeldView {
  return {
    records: () => Array.from(partitions.values(), (held) => held.records()).flat(),
    unreadableRecords: () => sum(partitions.values(), (held) => held.unreadable().length),
    fullPartitions: () => [...partitions.keys()].filter(isFull).length,
    look: () => [...partitions.keys()].forEach(ask),
  };
}

function readOf(partitions: ReadonlyMap<number, HeldPartition<LogEvent>>): readonly number[] {
  return [...partitions].flatMap(([partition, held]) => (held.isRead() ? partition : []));
}

function sizeOf(partitions: Iterable<HeldPartition<LogEvent>>) {
  const sizes = Array.from(partitions, (held) => held.size());
  return { events: sum(sizes, ({ events }) => events), bytes: sum(sizes, ({ bytes }) => bytes) };
}

function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}
