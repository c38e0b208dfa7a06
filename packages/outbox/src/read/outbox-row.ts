import type { OrderEventType } from '@order-events/domain';
import type { PendingEvent } from '../pending-event.ts';

/** A row of the outbox query as Postgres sends it: texts, in the order of its columns. Parsing is left to those who need a value. */
export type OutboxRow = readonly (string | null)[];

export const AS_TEXTS = { getTypeParser: () => (value: string | Buffer) => value };

/** What the header row of a group tells. */
export interface PageHeader {
  /** The snapshot under which the page was read. */
  readonly snapshot: string;
  /** See Cursor. */
  readonly takenAtMs: number;
  readonly walkedRows: number;
  /** Of the rows walked, those that belong to the window and to the group's partitions. */
  readonly foundRows: number;
  /** Highest `seq` walked; 0 when no row was. */
  readonly lastSeq: bigint;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

export const groupIndexOf = (row: OutboxRow): number => Number(row[0]);

/** Throws when the row is none: a page without its header says nothing. */
export function pageHeader(row: OutboxRow | undefined): PageHeader {
  const takenAtMs = row?.[10];
  if (!row?.[1] || !takenAtMs) throw new Error('the outbox query answered without a header');
  const { snapshot, walked, found, lastSeq } = JSON.parse(row[1]) as {
    snapshot: string;
    walked: number;
    found: number;
    lastSeq: string | null;
  };
  return {
    snapshot,
    takenAtMs: Number(takenAtMs),
    walkedRows: walked,
    foundRows: found,
    lastSeq: BigInt(lastSeq ?? 0),
  };
}

/** Throws when a column is missing that can never be null. */
export function pendingEvent(row: OutboxRow): PendingEvent {
  const [, , seq, key, partition, eventId, eventType, headers, payload, createdMs] = row;
  if (!isText(seq) || !isText(key) || !isText(eventId) || !isText(payload) || !isText(headers)) {
    throw new Error('the outbox query answered with an event that lacks a column');
  }
  return {
    seq: BigInt(seq),
    eventId,
    // The table holds what the outbox writer put there.
    eventType: eventType as OrderEventType,
    key,
    partition: Number(partition),
    payload,
    headers: headers === '{}' ? NO_HEADERS : (JSON.parse(headers) as Record<string, string>),
    createdAt: new Date(Number(createdMs)),
  };
}

function isText(value: string | null | undefined): value is string {
  return typeof value === 'string';
}
