import { type LogEnds, OffsetOutOfRangeError } from '@order-events/messaging';
import type { EventBlock } from '../log/event-block.ts';
import type { LogEvent } from '../log/log-event.ts';
import { createUnaskedPartitions } from '../log/unasked-partitions.ts';
import { StreamError } from '../stream/stream-error.ts';
import { createBackgroundRead } from '../log/background-read.ts';
import { LogBehindError, readCurrentEnds } from '../log/current-ends.ts';
import { readBatch } from '../log/event-batch.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { encodeResumeToken } from '../position/resume-token.ts';
import type { WatchSources } from '../watch/watcher.ts';
import type { BoundaryGate } from './boundary-gate.ts';
import type { MemberProgress } from './member-progress.ts';

/** Events that no member gets any more: the log has lost them while the subscription stood before them. */
export interface MissedEvents {
  readonly fromToken: string;
  /** 0 when it cannot be known. */
  readonly missedEvents: bigint;
}

export type ReadOutcome =
  | { readonly kind: 'events'; readonly events: readonly LogEvent[] }
  | ({ readonly kind: 'missed' } & MissedEvents);

/** Reads the partitions of one member, from memory or from history, as far as it may. */
export interface MemberReader {
  /** The partitions, or their places, are others now. */
  reassigned(): void;
  /** Throws a StreamError when the topic is another one than before: the places are of no meaning in it. */
  checkTopic(): void;
  /** Moves the cursor to after what it answers. */
  next(mostEvents: number): ReadOutcome | undefined;
  /** Whether `next` stopped only to let others work. */
  hasMore(): boolean;
  /** A read from Kafka that is under way. */
  pending(): Promise<void> | undefined;
  /** When to try again what could not be done, on the monotonic clock; times in the past say nothing. */
  retryTimesMs(): readonly number[];
  /** Records between the cursor and the end of the log. */
  backlog(): bigint;
}

export interface ReadGate extends BoundaryGate {
  /** Whether events of the partition may be sent at present, from this offset on. */
  isReadable(partition: number, offset: bigint): boolean;
}

/** See watchers. */
const MAX_MESSAGE_BYTES = 32 * 1024;
const MAX_SCANNED_AT_ONCE = 4_000;

export function createMemberReader(
  progress: MemberProgress,
  filter: EventFilter,
  { log, history, reader, onReadFailure }: WatchSources,
  gate: ReadGate,
): MemberReader {
  const { cursor } = progress;
  const reading = createBackgroundRead<ReadOutcome | undefined>(readFailed);
  let topicId: string | undefined;
  /** In the epoch the log had everything before the places: once it has grown again after a cut, nothing else tells of that. */
  let [isLocated, knownEpoch] = [false, log.epoch()];
  const unasked = createUnaskedPartitions(log);
  let assignments = 0;
  let turn = 0;
  let hasMore = false;
  let loaded: { readonly epoch: number; readonly block: EventBlock } | undefined;

  const place = (partition: number) => cursor[partition] ?? 0n;
  const isCutBelow = (partition: number) => log.hasCutBelow(knownEpoch, partition, place(partition));

  function readFailed(error: unknown): void {
    if (error instanceof OffsetOutOfRangeError) isLocated = false;
    else if (!(error instanceof LogBehindError)) onReadFailure(error);
  }

  /** Those that the log knows of: it may be told of an added one later than the group. */
  function partitions(): number[] {
    const all = progress.partitions();
    const count = log.topic()?.partitionCount ?? 0;
    if (topicId !== undefined) log.keepsUpWith(topicId, (all.at(-1) ?? 0) + 1);
    return all.filter((partition) => partition < count);
  }

  function checkTopic(): void {
    const topic = log.topic();
    topicId ??= topic?.id;
    if (topic?.id === topicId) return;
    // What was acknowledged of the old topic says nothing about the new one.
    progress.assign(new Map());
    throw new StreamError('SOURCE_UNAVAILABLE', 'the topic was created again: open the subscription again');
  }

  /** Whether Kafka has to be asked where the log begins and ends. */
  function isUnsure(): boolean {
    if (!isLocated || unasked.isDue()) return true;
    return partitions().some(
      (each) => isCutBelow(each) || (!unasked.has(each) && isBeyondEnd(log, each, place(each))),
    );
  }

  function locate(): void {
    isLocated = partitions().every((each) => !isCutBelow(each) && isInMemory(log, each, place(each)));
    if (isLocated) {
      unasked.set([]);
      knownEpoch = log.epoch();
    }
    if (isLocated || !log.source().available) return;
    const ofAssignment = assignments;
    const ofEpoch = log.epoch();
    reading.begin(
      async () => {
        const ends = await readCurrentEnds(reader, log);
        // Of partitions that are not known yet, nobody knows what they hold.
        const count = Math.max(ends.latest.length, (progress.partitions().at(-1) ?? 0) + 1);
        if (!log.keepsUpWith(ends.topicId, count) || count > ends.latest.length) throw new LogBehindError();
        return ends;
      },
      (ends) => (ofAssignment === assignments && ofEpoch === log.epoch() ? fit(ends) : undefined),
    );
  }

  function fit({ earliest, latest }: LogEnds): ReadOutcome | undefined {
    const fromToken = encodeResumeToken({ kind: 'offsets', topicId: topicId ?? '', next: cursor });
    let missedEvents = 0n;
    let isMissing = false;
    const open = new Set<number>();
    for (const partition of partitions()) {
      const [first, end] = [earliest[partition], latest[partition]];
      if (first === undefined || end === undefined) {
        open.add(partition);
        continue;
      }
      const isCut = place(partition) > end || isCutBelow(partition);
      if (place(partition) >= first && !isCut) continue;
      // Of a log that was cut, nobody knows what is new in it.
      if (!isCut) missedEvents += first - place(partition);
      progress.moveTo(partition, first);
      isMissing = true;
    }
    isLocated = true;
    knownEpoch = log.epoch();
    unasked.set(open);
    // Kafka may know more than the tail has read so far.
    log.extendEnds(cursor.map((offset, partition) => (open.has(partition) ? undefined : offset)));
    return isMissing ? { kind: 'missed', fromToken, missedEvents } : undefined;
  }

  function loadHistory(partition: number): void {
    if (!log.source().available) return;
    const epoch = log.epoch();
    reading.begin(
      () => history.read(epoch, partition, place(partition)),
      (block) => {
        loaded = { epoch, block };
        return undefined;
      },
    );
  }

  function passed({ partition, from, next }: { partition: number; from: bigint; next: bigint }): ReadOutcome {
    const before = cursor.with(partition, from);
    const fromToken = encodeResumeToken({ kind: 'offsets', topicId: topicId ?? '', next: before });
    return { kind: 'missed', fromToken, missedEvents: next - from };
  }

  function nextEvents(mostEvents: number): ReadOutcome | undefined {
    const all = partitions().filter((each) => gate.isReadable(each, place(each)));
    turn = (turn + 1) % Math.max(1, all.length);
    const inTurn = [...all.slice(turn), ...all.slice(0, turn)];
    const limits = { maxEvents: mostEvents, maxBytes: MAX_MESSAGE_BYTES, maxScanned: MAX_SCANNED_AT_ONCE };
    const block = loaded?.epoch === log.epoch() ? loaded.block : undefined;
    const found = readBatch(log, cursor, inTurn, filter, limits, block, gate.boundaries());
    const { events, full, gap } = found;
    const [belowRing] = found.belowRing;
    loaded = undefined;
    if (events.length > 0) return { kind: 'events', events };
    if (gap) return passed(gap);
    hasMore = full;
    if (!full && belowRing !== undefined) loadHistory(belowRing);
    return undefined;
  }

  return {
    reassigned() {
      assignments += 1;
      isLocated = false;
      // Of what others have committed, no more is known.
      knownEpoch = log.epoch();
      loaded = undefined;
    },
    checkTopic,
    next(mostEvents) {
      hasMore = false;
      const outcome = reading.take();
      if (outcome || !log.topic()) return outcome;
      if (isUnsure()) isLocated = false;
      if (!isLocated && !reading.pending()) locate();
      return isLocated && mostEvents > 0 ? nextEvents(mostEvents) : undefined;
    },
    hasMore: () => hasMore,
    pending: () => reading.pending(),
    retryTimesMs: () => [reading.retryAtMs(), gate.lookAtMs(), unasked.dueAtMs()],
    backlog() {
      const behind = partitions().map((partition) => (log.end(partition) ?? 0n) - place(partition));
      return behind.reduce((sum, count) => (count > 0n ? sum + count : sum), 0n);
    },
  };
}

type LogEdges = Pick<WatchSources['log'], 'floor' | 'end'>;

function isBeyondEnd(log: LogEdges, partition: number, offset: bigint): boolean {
  const end = log.end(partition);
  return end !== undefined && offset > end;
}

function isInMemory(log: LogEdges, partition: number, offset: bigint): boolean {
  const isKnown = log.end(partition) !== undefined;
  return isKnown && offset >= log.floor(partition) && !isBeyondEnd(log, partition, offset);
}
