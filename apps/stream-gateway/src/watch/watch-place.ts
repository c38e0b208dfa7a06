import type { LogReader } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import type { Cursor } from './event-batch.ts';
import { encodeResumeToken, type ResumePoint } from './resume-token.ts';
import { type Located, locateInLog, locateInRing } from './start-position.ts';

/** Where one stream stands: at a point whose offsets are not known or not checked yet, or at a cursor. */
export interface WatchPlace {
  /** Undefined while the point has to be located. */
  cursor(): Cursor | undefined;
  token(): string;
  /** Tries without Kafka. Answers whether there is a cursor now. */
  locateInRing(): boolean;
  /** Asks Kafka; `arrive` takes the answer. Rejects as locateInLog does. */
  locateInLog(): Promise<Located>;
  arrive(located: Located): void;
  /** The log is not what the cursor was made for: it must be located again. */
  leave(): void;
  /** Whether the log still is the one that the cursor belongs to, and reaches as far. */
  isCurrent(): boolean;
  /** Records between the cursor and the end of the log; 0 without a cursor. */
  backlog(): bigint;
}

export function createWatchPlace(
  start: ResumePoint,
  log: Pick<OrderLogView, 'topic' | 'floor' | 'end' | 'extendEnds'>,
  reader: Pick<LogReader, 'offsets'>,
  allowGap: boolean,
): WatchPlace {
  let point = start;
  let topicId = '';
  let cursor: Cursor | undefined;

  const currentPoint = (): ResumePoint => (cursor ? { kind: 'offsets', topicId, next: cursor } : point);

  return {
    cursor: () => cursor,
    token: () => encodeResumeToken(currentPoint()),
    locateInRing() {
      topicId = log.topic()?.id ?? '';
      cursor = locateInRing(point, log);
      return cursor !== undefined;
    },
    async locateInLog() {
      topicId = log.topic()?.id ?? '';
      return locateInLog(point, topicId, reader, allowGap);
    },
    arrive(located) {
      const topic = log.topic();
      // It may have been created again while Kafka was asked.
      if (topic?.id !== topicId) return;
      cursor = located.cursor.slice(0, topic.partitionCount);
      // Kafka may know more than the tail has read so far.
      log.extendEnds(cursor);
    },
    leave() {
      point = currentPoint();
      cursor = undefined;
    },
    isCurrent() {
      const topic = log.topic();
      if (!cursor || topic?.id !== topicId) return false;
      // Partitions that were added are read from their beginning.
      while (cursor.length < topic.partitionCount) cursor.push(0n);
      return cursor.every((offset, partition) => offset <= log.end(partition));
    },
    backlog() {
      const behind = (cursor ?? []).map((offset, partition) => log.end(partition) - offset);
      return behind.reduce((sum, count) => (count > 0n ? sum + count : sum), 0n);
    },
  };
}
