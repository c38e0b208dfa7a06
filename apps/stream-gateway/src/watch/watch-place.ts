import type { LogOffsets, LogReader } from '@order-events/messaging';
import { LogBehindError, readCurrentEnds } from '../log/current-ends.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { createUnaskedPartitions } from '../log/unasked-partitions.ts';
import { createLogPosition, type LogPosition } from '../position/log-position.ts';
import { encodeResumeToken, type ResumePoint, resumePoint } from '../position/resume-token.ts';
import { type Located, locateInLog, locateInRing } from '../position/start-position.ts';

/** Where one stream stands: at a point whose offsets are not known or not checked yet, or at a position in the log. */
export interface WatchPlace {
  /** Undefined while the point has to be located. */
  position(): LogPosition | undefined;
  /** The stream has read up to another position of the same log. */
  advance(to: LogPosition): void;
  /** The stream stands where `at` says, which may change, until it is told otherwise. */
  rest(at: () => LogPosition): void;
  token(): string;
  /** Tries without Kafka. Answers whether there is a position now. */
  locateInRing(): boolean;
  /** Asks Kafka; `arrive` takes the answer. Rejects as locateInLog does, and with a LogBehindError. */
  locateInLog(): Promise<LocatedInEpoch>;
  /** Answers false when the log has changed since Kafka was asked: ask again. */
  arrive(located: LocatedInEpoch): boolean;
  /** The log is not what the position was made for: it must be located again. */
  leave(): void;
  /** Whether the log still is the one that the position belongs to, and reaches as far, and there is nothing new to ask Kafka about. */
  isCurrent(): boolean;
  /** Whether Kafka could be asked about all partitions. The others are waited for, with the position that they have. */
  isComplete(): boolean;
  /** When to ask again about those that it may know of by now, on the monotonic clock; -Infinity while there are none. */
  lookAgainAtMs(): number;
  /** Records between the position and the end of the log, of the partitions where both are known; 0 without a position. */
  backlog(): bigint;
}

interface LocatedInEpoch extends Located {
  readonly epoch: number;
}

type PlacedLog = Pick<
  OrderLogView,
  'topic' | 'floor' | 'head' | 'end' | 'extendEnds' | 'epoch' | 'hasCutBelow' | 'keepsUpWith' | 'isReadable'
>;

export function createWatchPlace(
  start: ResumePoint,
  log: PlacedLog,
  reader: Pick<LogReader, 'ends' | 'place'>,
  allowGap: boolean,
): WatchPlace {
  let point = start;
  let topicId = '';
  let standsAt: () => LogPosition | undefined = () => undefined;
  let checkedEpoch: number | undefined;
  /** In which the log had everything before the position. */
  let knownEpoch = log.epoch();
  const unasked = createUnaskedPartitions(log);
  const current = {
    place: reader.place,
    ends: (signal?: AbortSignal) => readCurrentEnds(reader, log, signal),
  };

  /** Partitions that were added are read from their beginning. */
  function withPartitions({ next, turn, logTimeMs }: LogPosition, count: number): LogPosition {
    const added = Array<bigint>(count - next.length).fill(0n);
    return createLogPosition(topicId, [...next, ...added], turn, logTimeMs);
  }

  /** Up to which offset of a partition the log is known to reach; any, while nobody knows. */
  function isWithin(offset: bigint | undefined, partition: number): boolean {
    const end = unasked.has(partition) ? undefined : log.end(partition);
    return offset === undefined || end === undefined || offset <= end;
  }

  /** Once the log has grown past the position again, nothing else tells. */
  function cutBelow(next: LogOffsets): ReadonlySet<number> {
    const isCut = (offset: bigint | undefined, partition: number) =>
      offset !== undefined && log.hasCutBelow(knownEpoch, partition, offset);
    return new Set(next.flatMap((offset, partition) => (isCut(offset, partition) ? [partition] : [])));
  }

  const cutBelowPoint = () => cutBelow(point.kind === 'log time' ? [] : point.next);

  function advance(to: LogPosition | undefined): void {
    standsAt = () => to;
  }

  return {
    position: () => standsAt(),
    advance,
    rest(at) {
      standsAt = at;
    },
    token: () => standsAt()?.token() ?? encodeResumeToken(point),
    locateInRing() {
      if (cutBelowPoint().size > 0) return false;
      topicId = log.topic()?.id ?? '';
      const cursor = locateInRing(point, log);
      advance(cursor && createLogPosition(topicId, cursor));
      if (cursor) {
        unasked.set([]);
        knownEpoch = log.epoch();
      }
      return cursor !== undefined;
    },
    async locateInLog() {
      const epoch = log.epoch();
      const located = await locateInLog(point, current, { allowGap, cut: cutBelowPoint() });
      // A place in partitions that the log does not know cannot be kept: they would be read from their beginning once it does.
      if (!log.keepsUpWith(located.topicId, located.cursor.length)) throw new LogBehindError();
      return { ...located, epoch };
    },
    arrive(located) {
      if (located.epoch !== log.epoch()) return false;
      const { cursor, logTimeMs } = located;
      ({ topicId } = located);
      unasked.set(located.unasked);
      advance(createLogPosition(topicId, cursor, 0, logTimeMs));
      checkedEpoch = undefined;
      knownEpoch = located.epoch;
      // Kafka may know more than the tail has read so far.
      log.extendEnds(cursor.map((offset, partition) => (unasked.has(partition) ? undefined : offset)));
      return true;
    },
    leave() {
      const position = standsAt();
      if (position) point = resumePoint(topicId, position.next, position.logTimeMs);
      advance(undefined);
      checkedEpoch = undefined;
    },
    isCurrent() {
      const position = standsAt();
      if (!position) return false;
      if (unasked.isDue()) return false;
      if (checkedEpoch === log.epoch()) return true;
      const topic = log.topic();
      if (topic?.id !== topicId) return false;
      if (position.next.length < topic.partitionCount)
        advance(withPartitions(position, topic.partitionCount));
      if (!position.next.every(isWithin) || cutBelow(position.next).size > 0) return false;
      checkedEpoch = knownEpoch = log.epoch();
      return true;
    },
    isComplete: unasked.isEmpty,
    lookAgainAtMs: unasked.dueAtMs,
    backlog() {
      let behind = 0n;
      for (const [partition, offset] of (standsAt()?.next ?? []).entries()) {
        const end = log.end(partition);
        if (offset !== undefined && end !== undefined && end > offset) behind += end - offset;
      }
      return behind;
    },
  };
}
