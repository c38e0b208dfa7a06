/** What whoever writes a partition knows of it: everything that was committed before a time of the database is in the log before an offset. */
export interface CompleteMark {
  /** A topic that was created again has another id, and none of what is said of the former one. */
  readonly topicId: string;
  /** Of the topic when this was found: it decides which events belong to the partition. */
  readonly partitionCount: number;
  readonly partition: number;
  /** Of the database, in whole milliseconds. */
  readonly throughMs: number;
  readonly offset: bigint;
}

/** The value of a record is not what encodeCompleteMark makes. */
export class InvalidCompleteMarkError extends Error {
  override readonly name = 'InvalidCompleteMarkError';
}

export function encodeCompleteMark(mark: CompleteMark): string {
  return JSON.stringify({
    topic_id: mark.topicId,
    partition_count: mark.partitionCount,
    partition: mark.partition,
    through_time: new Date(mark.throughMs).toISOString(),
    offset: String(mark.offset),
  });
}

/** Throws an InvalidCompleteMarkError. */
export function decodeCompleteMark(value: string): CompleteMark {
  const json = parseObject(value);
  const { topic_id: topicId, partition_count: partitionCount, partition, through_time: time, offset } = json;
  const throughMs = Date.parse(typeof time === 'string' ? time : '');
  if (
    typeof topicId !== 'string' ||
    !isCount(partitionCount) ||
    !isCount(partition) ||
    partition >= partitionCount ||
    Number.isNaN(throughMs) ||
    typeof offset !== 'string' ||
    !/^\d{1,19}$/.test(offset)
  ) {
    throw new InvalidCompleteMarkError('a record of the topic of marks is not complete');
  }
  return { topicId, partitionCount, partition, throughMs, offset: BigInt(offset) };
}

function parseObject(value: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(value);
    if (typeof json === 'object' && json !== null) return { ...json };
  } catch (cause) {
    throw new InvalidCompleteMarkError('a record of the topic of marks is no JSON', { cause });
  }
  throw new InvalidCompleteMarkError('a record of the topic of marks is no object');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
