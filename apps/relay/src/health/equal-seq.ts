import { EqualSeqError, type Finding } from '@order-events/outbox';

/** What a look at the outbox that failed says about the order of what it holds. */
export function equalSeqFindings(error: unknown): Finding[] {
  return error instanceof EqualSeqError ? [{ name: 'equal-seq', severity: 'halt', text: error.message }] : [];
}
