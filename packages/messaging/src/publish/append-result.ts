import { LogTooShortError } from './end-check.ts';
import type { ProduceAttempt } from './produce-attempt.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/**
 * - `appended`: in the log, the first record at `baseOffset`.
 * - `refused`: not in the log, and the broker will never take this batch.
 * - `unsent`: not in the log.
 * - `unknown`: perhaps in the log; the partition has to be claimed again.
 */
export type AppendResult =
  | { readonly kind: 'appended'; readonly baseOffset: bigint }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What the broker says of a batch: an AppendResult, or that it takes the same records with another time, or with none. */
export type Judgement = AppendResult | { readonly kind: 'misdated'; readonly reason: string };

/** The records are at fault. A batch that arrived damaged (CORRUPT_MESSAGE) is not: it is sent again. */
const REFUSALS: ReadonlySet<number> = new Set([
  ERROR_CODE.MESSAGE_TOO_LARGE,
  ERROR_CODE.RECORD_LIST_TOO_LARGE,
  ERROR_CODE.INVALID_RECORD,
]);
const FENCED: ReadonlySet<number> = new Set([ERROR_CODE.INVALID_PRODUCER_EPOCH, ERROR_CODE.PRODUCER_FENCED]);
/** The broker's memory of this producer is not the one the sequence continues. */
const LOST_SEQUENCE: ReadonlySet<number> = new Set([
  ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ERROR_CODE.DUPLICATE_SEQUENCE_NUMBER,
  ERROR_CODE.INVALID_TXN_STATE,
  ERROR_CODE.INVALID_PRODUCER_ID_MAPPING,
  ERROR_CODE.UNKNOWN_PRODUCER_ID,
]);

/**
 * What an attempt says for good about its batch, or the error for which the same bytes are to be sent again.
 * `maybeAppended`: an earlier attempt has had no final answer, so the batch may be in the log whatever this one says.
 */
export function judgeAttempt(
  attempt: ProduceAttempt,
  what: string,
  maybeAppended: boolean,
): { result: Judgement } | { error: Error } {
  if (attempt.kind === 'failed' && attempt.error instanceof LogTooShortError) {
    return { result: { kind: 'unknown', reason: attempt.error.message } };
  }
  if (attempt.kind === 'failed') return attempt;
  const { errorCode, baseOffset } = attempt.answer;
  if (errorCode === 0) return { result: { kind: 'appended', baseOffset } };
  const error = new KafkaProtocolError(errorCode, what, 'Write on the topic');
  const reason = error.message;
  if (FENCED.has(errorCode)) {
    return { result: { kind: 'unknown', reason: `another writer has claimed it: ${reason}` } };
  }
  if (errorCode === ERROR_CODE.INVALID_TIMESTAMP) {
    return { result: { kind: maybeAppended ? 'unknown' : 'misdated', reason } };
  }
  if (LOST_SEQUENCE.has(errorCode)) return { result: { kind: 'unknown', reason } };
  if (REFUSALS.has(errorCode)) return { result: { kind: maybeAppended ? 'unknown' : 'refused', reason } };
  return { error };
}
