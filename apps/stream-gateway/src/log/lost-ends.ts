import type { LogReader } from '@order-events/messaging';
import type { OrderLog } from './order-log.ts';

/**
 * Tells the log where Kafka has less than it was known to have. A log that is truncated behind what is read says so to who reads it;
 * one that is truncated before that does not, and streams with a place there would pass over what is written in its stead. Asks Kafka
 * only while something is known that is not read.
 */
export async function findLostEnds(
  reader: Pick<LogReader, 'ends'>,
  orderLog: Pick<OrderLog, 'topic' | 'head' | 'end' | 'cut'>,
  signal: AbortSignal,
): Promise<void> {
  const topic = orderLog.topic();
  if (!topic) return;
  const known = Array.from({ length: topic.partitionCount }, (_, partition) => orderLog.end(partition));
  if (known.every((end, partition) => end === undefined || end <= orderLog.head(partition))) return;
  // While the broker is away, who follows the log says so.
  const ends = await reader.ends(signal).catch(() => undefined);
  if (ends?.topicId !== topic.id) return;
  for (const [partition, end] of known.entries()) {
    const latest = ends.latest[partition];
    // What was known before Kafka was asked is no news that its answer is too old for.
    if (end === undefined || latest === undefined || latest >= end) continue;
    const head = orderLog.head(partition);
    orderLog.cut(partition, latest > head ? latest : head);
  }
}
