import type { LogEnds, LogOffsets, LogReader } from '@order-events/messaging';
import type { BackgroundRead } from '../log/background-read.ts';
import { LogBehindError, readCurrentEnds } from '../log/current-ends.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { createUnaskedPartitions } from '../log/unasked-partitions.ts';
import type { LogPosition } from '../position/log-position.ts';

/** Where the log ended when a stream was registered that is to end there; or a little later, never before. */
export interface EdgeAtStart {
  /** Whether everything before it is behind a position. As long as it is not known, Kafka is asked: then the answer is no. */
  isReachedAt(position: LogPosition): boolean;
  /** When to ask again about partitions that had no leader, on the monotonic clock; -Infinity while there is nothing to ask. */
  askAgainAtMs(): number;
}

type AskedLog = Pick<
  OrderLogView,
  'topic' | 'head' | 'epoch' | 'extendEnds' | 'keepsUpWith' | 'isReadable' | 'source'
>;

export function createEdgeAtStart(
  log: AskedLog,
  reader: Pick<LogReader, 'ends'>,
  reading: Pick<BackgroundRead<undefined>, 'begin'>,
): EdgeAtStart {
  const unasked = createUnaskedPartitions(log);
  let edge: { readonly epoch: number; readonly topicId: string; readonly next: LogOffsets } | undefined;

  function ask(): void {
    if (!log.source().available) return;
    const epoch = log.epoch();
    reading.begin(
      () => readCurrentEnds(reader, log),
      (ends) => arrive(ends, epoch),
    );
  }

  function arrive({ topicId, latest }: LogEnds, epoch: number): undefined {
    // There is more than this process has heard of: it is asked again when that is known.
    if (!log.keepsUpWith(topicId, latest.length)) throw new LogBehindError();
    log.extendEnds(latest);
    edge = { epoch, topicId, next: latest };
    unasked.set(latest.flatMap((end, partition) => (end === undefined ? [partition] : [])));
  }

  return {
    isReachedAt({ topicId, next }) {
      // Of a log that was cut or replaced since, nobody knows what was lost.
      if (edge?.epoch !== log.epoch() || unasked.isDue()) {
        ask();
        return false;
      }
      const isPassed = (end: bigint | undefined, partition: number) => {
        const offset = next[partition];
        return end !== undefined && offset !== undefined && offset >= end;
      };
      return edge.topicId === topicId && edge.next.every(isPassed);
    },
    askAgainAtMs: unasked.dueAtMs,
  };
}
