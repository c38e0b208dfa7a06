import { type Ledger, readLedger } from './ledger.ts';
import type { LogMark } from './log-mark.ts';
import type { LogReader } from '../read/log-reader.ts';

/** A partition that was just fenced, and what was known of it before. */
export interface KnownLog {
  readonly partition: number;
  readonly topicId: string;
  readonly startOffset: bigint;
  /** Where it ended before the fence, which takes an offset itself: it must not hide that the log was shorter before. */
  readonly endBefore: bigint;
  readonly endOffset: bigint;
  /** Everything that is not known to be published lies there or after. */
  readonly fromOffset: bigint;
  readonly mark: LogMark | undefined;
}

export interface ReadBack extends Pick<Ledger, 'ids' | 'last'> {
  /** Where reading began. */
  readonly from: bigint;
  readonly truncated: boolean;
}

/** Of a truncated log, so many offsets before its end: far more than is published before a writer notices. */
const TRUNCATED_LEDGER_OFFSETS = 100_000n;

/**
 * Reads what the log holds from the known offset on. A log that was cut may have grown past it since, by other events, and a topic that
 * was created again may be longer than the old one: so the event that the log is known by has to lie in its place as well.
 */
export async function readBack(
  reader: Pick<LogReader, 'read'>,
  log: KnownLog,
  signal: AbortSignal,
): Promise<ReadBack> {
  const { partition, startOffset, endOffset, fromOffset, mark } = log;
  const later = (offset: bigint) => (offset > startOffset ? offset : startOffset);
  if ((mark?.topicId ?? log.topicId) === log.topicId && log.endBefore >= fromOffset) {
    // What retention has deleted cannot be looked at any more, and was there.
    const last = mark?.last && mark.last.offset >= startOffset ? mark.last : undefined;
    const from = later(last && last.offset < fromOffset ? last.offset : fromOffset);
    const range = { partition, from, to: endOffset, idsFrom: fromOffset, markedAt: last?.offset };
    const ledger = await readLedger(reader, range, signal);
    if (ledger.markedId === last?.eventId) return { ...ledger, from, truncated: false };
  }
  const from = later(endOffset - TRUNCATED_LEDGER_OFFSETS);
  return { ...(await readLedger(reader, { partition, from, to: endOffset }, signal)), from, truncated: true };
}
