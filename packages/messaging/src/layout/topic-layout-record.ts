import type { PartitionChange } from './topic-layout.ts';

/** The value of a record of the layout topic is not what encodePartitionChange makes. */
export class InvalidLayoutRecordError extends Error {
  override readonly name = 'InvalidLayoutRecordError';
}

/** A change is recorded again when it is tried again: the newest of a topic and a count holds. */
export function layoutRecordKey(topicId: string, count: number): string {
  return `${topicId}/${count}`;
}

export function encodePartitionChange(topicId: string, change: PartitionChange): string {
  return JSON.stringify({
    topic_id: topicId,
    former_count: change.formerCount,
    count: change.count,
    ends: change.ends.map(String),
    changed_at: change.changedAt.toISOString(),
  });
}

/** Throws an InvalidLayoutRecordError. */
export function decodePartitionChange(value: string): {
  readonly topicId: string;
  readonly change: PartitionChange;
} {
  const json = parseObject(value);
  const { topic_id: topicId, changed_at: time } = json;
  const formerCount = partitionCount(json, 'former_count');
  const count = partitionCount(json, 'count');
  const ends = readEnds(json['ends']);
  const changedAt = new Date(typeof time === 'string' ? time : Number.NaN);
  if (typeof topicId !== 'string' || Number.isNaN(changedAt.getTime()) || ends.length !== formerCount) {
    throw new InvalidLayoutRecordError('a record of the layout topic is not complete');
  }
  return { topicId, change: { formerCount, count, ends, changedAt } };
}

function parseObject(value: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(value);
    if (typeof json === 'object' && json !== null) return { ...json };
  } catch (cause) {
    throw new InvalidLayoutRecordError('a record of the layout topic is no JSON', { cause });
  }
  throw new InvalidLayoutRecordError('a record of the layout topic is no object');
}

function partitionCount(json: Readonly<Record<string, unknown>>, field: string): number {
  const value = json[field];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidLayoutRecordError(`${field} of a record of the layout topic is no number of partitions`);
}

function readEnds(json: unknown): bigint[] {
  if (!Array.isArray(json)) return [];
  return json.map((end: unknown) => {
    if (typeof end === 'string' && /^\d{1,19}$/.test(end)) return BigInt(end);
    throw new InvalidLayoutRecordError('an end in a record of the layout topic is no offset');
  });
}
