import type { LogEnds, LogReader } from '@order-events/messaging';
import type { OrderLog } from './order-log.ts';

/** Kafka knows of something that the log of this process has not heard of yet, and will in a moment: partitions, another topic, a cut. */
export class LogBehindError extends Error {
  override readonly name = 'LogBehindError';
}

/**
 * Where the log begins and ends, by Kafka. Rejects with a LogBehindError while this process has read further than that: the log has
 * lost its end, and until reading has met the cut, the memory has what is lost. A place that the answer gives would be read from it.
 */
export async function readCurrentEnds(
  reader: Pick<LogReader, 'ends'>,
  log: Pick<OrderLog, 'topic' | 'head'>,
  signal?: AbortSignal,
): Promise<LogEnds> {
  const topic = log.topic();
  // Before Kafka is asked: what is read meanwhile may be newer than its answer.
  const heads = Array.from({ length: topic?.partitionCount ?? 0 }, (_, partition) => log.head(partition));
  const ends = await reader.ends(signal);
  const isCut = (end: bigint | undefined, partition: number) =>
    end !== undefined && end < (heads[partition] ?? 0n);
  if (ends.topicId === topic?.id && ends.latest.some(isCut)) throw new LogBehindError();
  return ends;
}
