import type { LogReader } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream-error.ts';
import { encodeResumeToken } from './resume-token.ts';
import { byPartition } from './start-position.ts';

export interface ReplayRange {
  readonly earliestToken: string;
  readonly latestToken: string;
  /** Undefined while the log is empty. */
  readonly earliestLogTimeMs: number | undefined;
}

const FIRST_RECORD_BYTES = 1024;

/** The part of the log that can be replayed. Throws a StreamError while Kafka is away. */
export async function readReplayRange(
  log: Pick<OrderLogView, 'topic' | 'source'>,
  reader: Pick<LogReader, 'offsets' | 'fetchBlock'>,
  signal: AbortSignal,
): Promise<ReplayRange> {
  const topic = log.topic();
  if (!topic || !log.source().available) throw unavailable();
  try {
    return await askKafka(topic.id, reader, signal);
  } catch (error: unknown) {
    throw unavailable(error);
  }
}

function unavailable(cause?: unknown): StreamError {
  return new StreamError('SOURCE_UNAVAILABLE', 'Kafka cannot be reached at present', { cause });
}

async function askKafka(
  topicId: string,
  reader: Pick<LogReader, 'offsets' | 'fetchBlock'>,
  signal: AbortSignal,
): Promise<ReplayRange> {
  const earliest = byPartition(await reader.offsets('earliest', undefined, signal));
  const latest = byPartition(await reader.offsets('latest', undefined, signal));
  const firstTimes = await Promise.all(
    earliest.map(async (offset, partition) => {
      if (offset >= (latest[partition] ?? 0n)) return undefined;
      const block = await reader.fetchBlock(partition, offset, FIRST_RECORD_BYTES, signal);
      return block.records[0]?.timestampMs;
    }),
  );
  const times = firstTimes.filter((time) => time !== undefined);
  return {
    earliestToken: encodeResumeToken({ kind: 'offsets', topicId, next: earliest }),
    latestToken: encodeResumeToken({ kind: 'offsets', topicId, next: latest }),
    earliestLogTimeMs: times.length > 0 ? Math.min(...times) : undefined,
  };
}
