import { OffsetOutOfRangeError, type PartitionPositions } from '@order-events/messaging';
import type { EventBlock } from '../log/event-block.ts';
import type { LogEvent } from '../log/log-event.ts';
import { StreamError } from '../stream-error.ts';
import { createBackgroundRead } from '../watch/background-read.ts';
import { readBatch } from '../watch/event-batch.ts';
import type { EventFilter } from '../watch/event-filter.ts';
import { encodeResumeToken } from '../watch/resume-token.ts';
import type { WatchSources } from '../watch/watcher.ts';
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
  retryAtMs(): number;
  /** Records between the cursor and the end of the log. */
  backlog(): bigint;
}

/** See watchers. */
const MAX_MESSAGE_BYTES = 32 * 1024;
const MAX_SCANNED_AT_ONCE = 4_000;

export function createMemberReader(
  progress: MemberProgress,
  filter: EventFilter,
  { log, history, reader, onReadFailure }: WatchSources,
): MemberReader {
  const { cursor } = progress;
  const reading = createBackgroundRead<ReadOutcome | undefined>(readFailed);
  let topicId: string | undefined;
  let isLocated = false;
  let assignments = 0;
  let turn = 0;
  let hasMore = false;
  let loaded: EventBlock | undefined;

  const place = (partition: number) => cursor[partition] ?? 0n;

  function readFailed(error: unknown): void {
    if (error instanceof OffsetOutOfRangeError) isLocated = false;
    else onReadFailure(error);
  }

  /** Those that the log knows of: it may be told of an added one later than the group. */
  function partitions(): number[] {
    const count = log.topic()?.partitionCount ?? 0;
    return progress.partitions().filter((partition) => partition < count);
  }

  function checkTopic(): void {
    const topic = log.topic();
    topicId ??= topic?.id;
    if (topic?.id === topicId) return;
    // What was acknowledged of the old topic says nothing about the new one.
    progress.assign(new Map());
    throw new StreamError('SOURCE_UNAVAILABLE', 'the topic was created again: open the subscription again');
  }

  function locate(): void {
    isLocated = partitions().every((each) => log.floor(each) <= place(each) && place(each) <= log.end(each));
    if (isLocated || !log.source().available) return;
    const ofAssignment = assignments;
    reading.begin(
      async () => ({ earliest: await reader.offsets('earliest'), latest: await reader.offsets('latest') }),
      ({ earliest, latest }) => (ofAssignment === assignments ? fit(earliest, latest) : undefined),
    );
  }

  function fit(earliest: PartitionPositions, latest: PartitionPositions): ReadOutcome | undefined {
    const fromToken = encodeResumeToken({ kind: 'offsets', topicId: topicId ?? '', next: cursor });
    let missedEvents = 0n;
    let isMissing = false;
    for (const partition of partitions()) {
      const first = earliest.get(partition) ?? 0n;
      const isBeyondEnd = place(partition) > (latest.get(partition) ?? 0n);
      if (place(partition) >= first && !isBeyondEnd) continue;
      // Of a log that was cut, nobody knows what is new in it.
      if (!isBeyondEnd) missedEvents += first - place(partition);
      progress.moveTo(partition, first);
      isMissing = true;
    }
    isLocated = true;
    // Kafka may know more than the tail has read so far.
    log.extendEnds(cursor);
    return isMissing ? { kind: 'missed', fromToken, missedEvents } : undefined;
  }

  function loadHistory(partition: number): void {
    const ofTopic = topicId;
    if (ofTopic === undefined || !log.source().available) return;
    reading.begin(
      () => history.read(ofTopic, partition, place(partition)),
      (block) => {
        loaded = block;
        return undefined;
      },
    );
  }

  function nextEvents(mostEvents: number): ReadOutcome | undefined {
    const all = partitions();
    turn = (turn + 1) % Math.max(1, all.length);
    const inTurn = [...all.slice(turn), ...all.slice(0, turn)];
    const limits = { maxEvents: mostEvents, maxBytes: MAX_MESSAGE_BYTES, maxScanned: MAX_SCANNED_AT_ONCE };
    const { events, full, belowRing } = readBatch(log, cursor, inTurn, filter, limits, loaded);
    loaded = undefined;
    if (events.length > 0) return { kind: 'events', events };
    hasMore = full;
    if (!full && belowRing !== undefined) loadHistory(belowRing);
    return undefined;
  }

  return {
    reassigned() {
      assignments += 1;
      isLocated = false;
      loaded = undefined;
    },
    checkTopic,
    next(mostEvents) {
      hasMore = false;
      const outcome = reading.take();
      if (outcome || !log.topic()) return outcome;
      if (partitions().some((each) => place(each) > log.end(each))) isLocated = false;
      if (!isLocated && !reading.pending()) locate();
      return isLocated && mostEvents > 0 ? nextEvents(mostEvents) : undefined;
    },
    hasMore: () => hasMore,
    pending: () => reading.pending(),
    retryAtMs: () => reading.retryAtMs(),
    backlog() {
      const behind = partitions().map((partition) => log.end(partition) - place(partition));
      return behind.reduce((sum, count) => (count > 0n ? sum + count : sum), 0n);
    },
  };
}
