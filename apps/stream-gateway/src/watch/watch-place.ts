import type { LogReader } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import { createLogPosition, type LogPosition } from './log-position.ts';
import { encodeResumeToken, type ResumePoint } from './resume-token.ts';
import { type Located, locateInLog, locateInRing } from './start-position.ts';

/** Where one stream stands: at a point whose offsets are not known or not checked yet, or at a position in the log. */
export interface WatchPlace {
  /** Undefined while the point has to be located. */
  position(): LogPosition | undefined;
  /** The stream has read up to another position of the same log. */
  advance(to: LogPosition): void;
  token(): string;
  /** Tries without Kafka. Answers whether there is a position now. */
  locateInRing(): boolean;
  /** Asks Kafka; `arrive` takes the answer. Rejects as locateInLog does. */
  locateInLog(): Promise<Located>;
  arrive(located: Located): void;
  /** The log is not what the position was made for: it must be located again. */
  leave(): void;
  /** Whether the log still is the one that the position belongs to, and reaches as far. */
  isCurrent(): boolean;
  /** Records between the position and the end of the log; 0 without a position. */
  backlog(): bigint;
}

export function createWatchPlace(
  start: ResumePoint,
  log: Pick<OrderLogView, 'topic' | 'floor' | 'end' | 'extendEnds' | 'epoch'>,
  reader: Pick<LogReader, 'offsets'>,
  allowGap: boolean,
): WatchPlace {
  let point = start;
  let topicId = '';
  let position: LogPosition | undefined;
  let checkedEpoch: number | undefined;

  return {
    position: () => position,
    advance(to) {
      position = to;
    },
    token: () => position?.token() ?? encodeResumeToken(point),
    locateInRing() {
      topicId = log.topic()?.id ?? '';
      const cursor = locateInRing(point, log);
      position = cursor && createLogPosition(topicId, cursor);
      return position !== undefined;
    },
    async locateInLog() {
      topicId = log.topic()?.id ?? '';
      return locateInLog(point, topicId, reader, allowGap);
    },
    arrive(located) {
      const topic = log.topic();
      // It may have been created again while Kafka was asked.
      if (topic?.id !== topicId) return;
      const next = located.cursor.slice(0, topic.partitionCount);
      position = createLogPosition(topicId, next);
      checkedEpoch = undefined;
      // Kafka may know more than the tail has read so far.
      log.extendEnds(next);
    },
    leave() {
      if (position) point = { kind: 'offsets', topicId, next: position.next };
      position = undefined;
      checkedEpoch = undefined;
    },
    isCurrent() {
      if (!position) return false;
      if (checkedEpoch === log.epoch()) return true;
      const topic = log.topic();
      if (topic?.id !== topicId) return false;
      if (position.next.length < topic.partitionCount) {
        // Partitions that were added are read from their beginning.
        const next = Array.from(
          { length: topic.partitionCount },
          (_, partition) => position?.next[partition] ?? 0n,
        );
        position = createLogPosition(topicId, next);
      }
      if (position.next.some((offset, partition) => offset > log.end(partition))) return false;
      checkedEpoch = log.epoch();
      return true;
    },
    backlog() {
      const behind = (position?.next ?? []).map((offset, partition) => log.end(partition) - offset);
      return behind.reduce((sum, count) => (count > 0n ? sum + count : sum), 0n);
    },
  };
}
