import type { Checkpoint, FormerCheckpoint, LogMark } from '../checkpoint.ts';

/** A log that has lost its end, as it is now. */
export interface CutLog {
  readonly topicId: string;
  /** The first offset that it has. */
  readonly startOffset: bigint;
  /** Where it ended before anything was written to it again. */
  readonly endOffset: bigint;
  /** Id of the event at an offset; undefined where there is none. */
  readonly eventAt: (offset: bigint) => string | undefined;
  /** All that is beyond any of the checkpoints lies there or after, also what was written since the cut. */
  readonly ledgerOffset: bigint;
  /** The last event that it has. */
  readonly last: LogMark['last'];
}

/**
 * - `whole`: the log has everything up to there; what it lost is published again.
 * - `partly`: the oldest checkpoint that is known is beyond the end of the log; what it covers and the log has lost stays lost.
 * - `nothing`: no former checkpoint is known; what is lost stays lost.
 */
export interface TakeUpPoint {
  readonly heals: 'whole' | 'partly' | 'nothing';
  readonly checkpoint: Checkpoint;
  /** When the checkpoint was taken; undefined of the present one. */
  readonly atMs?: number;
}

/**
 * Where to go on in a log that was cut, or of a topic that was created anew: from the newest checkpoint whose events the log has all.
 * Nothing beyond it is skipped and, since the log from there on is the ledger, nothing that is left is published again. Checkpoints
 * after it are forgotten, as they are of a log that is no more.
 */
export function takeUpPoint(present: Checkpoint, log: CutLog): TakeUpPoint {
  const history = present.history ?? [];
  if (present.mark && isIntact({ ...present, mark: present.mark }, log)) {
    return { heals: 'whole', checkpoint: inLog(log, { ...present, mark: present.mark }, history) };
  }
  const index = history.findLastIndex((former) => isIntact(former, log));
  const found = history[index];
  if (found) {
    const checkpoint = inLog(log, found, history.slice(0, index + 1));
    return { heals: 'whole', checkpoint, atMs: found.atMs };
  }
  const oldest = history.find((former) => isBeyond(former, log));
  const { cursor } = oldest ?? present;
  const mark = { topicId: log.topicId, last: log.last };
  const checkpoint = { cursor, logOffset: log.ledgerOffset, mark };
  // Cut again at once, it is taken up here again: what is beyond the cursor stays to be healed.
  if (!oldest) return { heals: 'nothing', checkpoint: { ...checkpoint, history: [] } };
  const { atMs } = oldest;
  return { heals: 'partly', checkpoint: { ...checkpoint, history: [{ ...checkpoint, atMs }] }, atMs };
}

type Marked = Pick<FormerCheckpoint, 'cursor' | 'logOffset' | 'mark'>;

/**
 * Whether the log has what the cursor covers: one event in its place tells, as a log is cut at its end only. The start of a log, with
 * nothing before it, is the same in every topic.
 */
function isIntact({ logOffset, mark }: Marked, log: CutLog): boolean {
  const { topicId, last } = mark;
  if (topicId !== log.topicId) return isOrigin({ logOffset, mark });
  if (last !== undefined && last.offset >= log.startOffset) return log.eventAt(last.offset) === last.eventId;
  // Retention has deleted what it covers, and nothing else: of what came later it is not known what was deleted, and what was lost.
  return logOffset >= log.startOffset && logOffset <= log.endOffset;
}

/** Whether nothing is in the log any more that came after it, deleted by retention or not. */
function isBeyond({ logOffset, mark }: Marked, log: CutLog): boolean {
  return mark.topicId !== log.topicId || logOffset >= log.startOffset;
}

const isOrigin = ({ logOffset, mark }: Pick<Marked, 'logOffset' | 'mark'>): boolean =>
  logOffset === 0n && mark.last === undefined;

/** What was written since the cut may lie right behind the mark, and before the offset. */
function inLog(
  log: CutLog,
  { cursor, logOffset, mark }: Marked,
  history: readonly FormerCheckpoint[],
): Checkpoint {
  const behindMark = mark.last === undefined ? logOffset : mark.last.offset + 1n;
  const offset = behindMark < logOffset ? behindMark : logOffset;
  // What was the start of another topic is that of this one from now on.
  const { topicId } = log;
  const kept = history.filter((former) => isIntact(former, log));
  return {
    cursor,
    logOffset: offset,
    mark: { ...mark, topicId },
    history: kept.map((former) => ({ ...former, mark: { ...former.mark, topicId } })),
  };
}
