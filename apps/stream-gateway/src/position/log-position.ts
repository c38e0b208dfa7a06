import type { LogOffsets } from '@order-events/messaging';
import type { LogEdge } from '../log/log-edge.ts';
import { encodeResumeToken, resumePoint } from './resume-token.ts';

/** A place in the log. It never changes, so streams that stand at the same place can share it, and its token. */
export interface LogPosition {
  readonly topicId: string;
  /** Offset of the next record to look at, by partition; undefined where it is not known yet, and nothing is read. */
  readonly next: LogOffsets;
  /** The time of the log at which it stands in those partitions. */
  readonly logTimeMs: number;
  /** The partition to read first: it moves on with each message, so that all partitions are served alike. */
  readonly turn: number;
  /** The resume token that stands for the place. */
  token(): string;
  /** The same for equal positions, and different for others. */
  key(): string;
}

export function createLogPosition(topicId: string, next: LogOffsets, turn = 0, logTimeMs = 0): LogPosition {
  let token: string | undefined;
  const getToken = () => (token ??= encodeResumeToken(resumePoint(topicId, next, logTimeMs)));
  let key: string | undefined;
  return { topicId, next, logTimeMs, turn, token: getToken, key: () => (key ??= `${turn}/${getToken()}`) };
}

const positions = new WeakMap<LogEdge, LogPosition>();

/** The one position of an edge: all that have read everything stand there, whatever they have read. */
export function positionAt(edge: LogEdge): LogPosition {
  const known = positions.get(edge);
  if (known) return known;
  const position = createLogPosition(edge.topicId, edge.next);
  positions.set(edge, position);
  return position;
}
