import type { KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { createLogReader } from '../read/log-reader.ts';
import { type CompleteMark, decodeCompleteMark, InvalidCompleteMarkError } from './complete-mark.ts';
import { completeTopicName } from './complete-topic.ts';

export interface CompleteFollowOptions extends KafkaConnectionConfig {
  /** Of the events. */
  readonly topic: string;
  readonly onMarks: (marks: readonly CompleteMark[]) => void;
  /** Told of each record that is no mark: it is left out. */
  readonly onInvalid: (error: InvalidCompleteMarkError) => void;
  readonly onAvailable: () => void;
  readonly onUnavailable: (error: Error) => void;
}

/** Marks come each second for each partition, so those of all partitions are among so many, unless one has stood still for long. */
const MAX_READ_BACK = 20_000n;
/** Nobody waits for a mark that has just come. */
const MAX_WAIT_MS = 1_000;

/**
 * Tells the marks that are there, or the last of many, and then each that comes, until `signal` aborts. Rejects when the topic is not there
 * or must not be read, when Kafka is away at the beginning, and when the topic is created again: begin anew.
 */
export async function followCompleteMarks(
  options: CompleteFollowOptions,
  signal: AbortSignal,
): Promise<void> {
  const { topic, onMarks, onInvalid, onAvailable, onUnavailable, ...connection } = options;
  const reader = createLogReader({
    ...connection,
    topic: completeTopicName(topic),
    isolation: 'uncommitted',
    maxWaitMs: MAX_WAIT_MS,
  });
  const from = (start: bigint, end: bigint) => (end - start > MAX_READ_BACK ? end - MAX_READ_BACK : start);

  function decode(value: Buffer | null): CompleteMark[] {
    if (!value) return [];
    try {
      return [decodeCompleteMark(value.toString())];
    } catch (error) {
      if (!(error instanceof InvalidCompleteMarkError)) throw error;
      onInvalid(error);
      return [];
    }
  }

  try {
    const starts = await reader.offsets('earliest', [0], signal);
    const ends = await reader.offsets('latest', [0], signal);
    const handlers = {
      onBatch: ({ records }: { readonly records: readonly { readonly value: Buffer | null }[] }) =>
        onMarks(records.flatMap(({ value }) => decode(value))),
      onAvailable,
      onUnavailable,
      onOutOfRange: (_partition: number, start: bigint, end: bigint) => from(start, end),
    };
    await reader.follow(new Map([[0, from(starts.get(0) ?? 0n, ends.get(0) ?? 0n)]]), handlers, signal);
  } finally {
    reader.close();
  }
}
