import type { LogReader } from '@order-events/messaging';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import { encodeResumeToken, resumePoint } from './resume-token.ts';
import { latestTimeMs } from './start-position.ts';

export interface ReplayRange {
  readonly earliestToken: string;
  readonly latestToken: string;
  /** Of what can be read at present; undefined while the log is empty. */
  readonly earliestLogTimeMs: number | undefined;
}

/**
 * The part of the log that can be replayed. In a partition that cannot be asked about, the tokens stand at its oldest record and at the
 * present time. Throws a StreamError while Kafka is away.
 */
export async function readReplayRange(
  log: Pick<OrderLogView, 'topic' | 'source'>,
  reader: Pick<LogReader, 'range'>,
  signal: AbortSignal,
): Promise<ReplayRange> {
  if (!log.topic() || !log.source().available) throw unavailable();
  try {
    const { topicId, earliest, latest, oldestTimeMs } = await reader.range(signal);
    return {
      earliestToken: encodeResumeToken(resumePoint(topicId, earliest, 0)),
      latestToken: encodeResumeToken(resumePoint(topicId, latest, latestTimeMs(Date.now()))),
      earliestLogTimeMs: oldestTimeMs,
    };
  } catch (error: unknown) {
    throw unavailable(error);
  }
}

function unavailable(cause?: unknown): StreamError {
  return new StreamError('SOURCE_UNAVAILABLE', 'Kafka cannot be reached at present', { cause });
}
