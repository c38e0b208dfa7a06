/** Why a stream could not start or go on; each kind has its own answer at the edge. */
export type WatchErrorReason =
  | 'RESUME_TOKEN_MALFORMED'
  | 'RESUME_TOKEN_FOREIGN'
  | 'RESUME_TOKEN_EXPIRED'
  | 'RESUME_TOKEN_AHEAD'
  | 'DRAINING'
  | 'WATCH_AGE_REACHED'
  | 'TOO_MANY_WATCHERS'
  | 'SOURCE_UNAVAILABLE';

/** Ends a stream in a way that its client is told of: the message is fit for a client to read, `details` are for programs. */
export class WatchError extends Error {
  override readonly name = 'WatchError';
  readonly reason: WatchErrorReason;
  /** Tokens to go on with, by name. */
  readonly details: Readonly<Record<string, string>>;

  constructor(
    reason: WatchErrorReason,
    message: string,
    details: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }
}
