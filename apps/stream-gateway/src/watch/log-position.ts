import { encodeResumeToken } from './resume-token.ts';

/** A place in the log. It never changes, so streams that stand at the same place can share it, and its token. */
export interface LogPosition {
  readonly topicId: string;
  /** Offset of the next record to look at, by partition. */
  readonly next: readonly bigint[];
  /** The partition to read first: it moves on with each message, so that all partitions are served alike. */
  readonly turn: number;
  /** The resume token that stands for the place. */
  token(): string;
  /** The same for equal positions, and different for others. */
  key(): string;
}

export function createLogPosition(topicId: string, next: readonly bigint[], turn = 0): LogPosition {
  let token: string | undefined;
  const getToken = () => (token ??= encodeResumeToken({ kind: 'offsets', topicId, next }));
  let key: string | undefined;
  return { topicId, next, turn, token: getToken, key: () => (key ??= `${turn}/${getToken()}`) };
}
