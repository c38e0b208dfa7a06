/**
 * Two events that are to be published have one number, so nothing says which is first, and a page that ends between them would pass one
 * over. The sequence was set back, or is that of a logical replica.
 */
export class EqualSeqError extends Error {
  override readonly name = 'EqualSeqError';

  constructor(seq: bigint) {
    super(
      `two events that wait have the seq ${seq}, because the sequence outbox_seq was set back or is that of a logical replica: nothing ` +
        'says which is first; `outboxctl rebase` numbers them anew and goes on',
    );
  }
}
