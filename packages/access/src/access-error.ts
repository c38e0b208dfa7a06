import { ExpectedError } from '@order-events/runtime';

/** What became of a request: no valid token, a valid one that does not allow this, or keys to check it by that are away. */
export type AccessErrorKind = 'unauthenticated' | 'forbidden' | 'keys-unavailable';

/** Why, in one word of a small set: a label of metrics, and of the lines of the audit. */
export type RefusalReason =
  /** There is no token. */
  | 'missing'
  /** What is there is no bearer token, or more than one. */
  | 'malformed'
  /** Signed by nobody who is trusted, or in a way that is not. */
  | 'signature'
  /** Issued by or for somebody else. */
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  /** A claim is missing, or is not what it must be. */
  | 'claims'
  | 'scope'
  /** The token is confined to a customer, and this is not within. */
  | 'customer'
  /** The subscription is not the principal's. */
  | 'subscription'
  | 'keys_unavailable';

/** A refusal. Its message is fit for clients: it names what is wrong with the token, never what is in it or in the data. */
export class AccessError extends ExpectedError {
  override readonly name = 'AccessError';
  readonly kind: AccessErrorKind;
  readonly reason: RefusalReason;

  constructor(kind: AccessErrorKind, reason: RefusalReason, message: string) {
    super(message);
    this.kind = kind;
    this.reason = reason;
  }
}
