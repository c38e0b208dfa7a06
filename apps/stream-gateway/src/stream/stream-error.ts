/** Why a stream or call could not start or go on; each reason has its own answer at the edge (grpc/status.ts). */
export type StreamErrorReason =
  | 'RESUME_TOKEN_MALFORMED'
  | 'RESUME_TOKEN_FOREIGN'
  | 'RESUME_TOKEN_EXPIRED'
  | 'RESUME_TOKEN_AHEAD'
  | 'EVENTS_UNREADABLE'
  | 'ACK_TOKEN_MALFORMED'
  | 'ACK_TOKEN_FOREIGN'
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'SUBSCRIPTION_HAS_MEMBERS'
  | 'SUBSCRIPTION_HAS_FOREIGN_MEMBERS'
  | 'SUBSCRIPTION_FILTER_DIFFERS'
  | 'HELD_TOPIC_MISSING'
  | 'HELD_ORDER_NOT_FOUND'
  | 'HELD_RECORD_NOT_FOUND'
  | 'TOO_MUCH_HELD'
  | 'ACKNOWLEDGE_TIMEOUT'
  | 'WATCHER_NOT_FOUND'
  | 'DRAINING'
  | 'WATCH_AGE_REACHED'
  | 'CLOSED_BY_OPERATOR'
  | 'SLOW_CONSUMER'
  | 'TOO_MANY_WATCHERS'
  | 'TOO_MANY_CONSUMERS'
  | 'TOO_MANY_STREAMS_OF_CONNECTION'
  | 'TOO_MANY_STREAMS_OF_PRINCIPAL'
  | 'TOO_MANY_CALLS_OF_PRINCIPAL'
  | 'ACCESS_EXPIRED'
  | 'ACCESS_REVOKED'
  | 'REQUEST_MEMORY_EXHAUSTED'
  | 'REQUEST_NOT_SENT'
  | 'SOURCE_UNAVAILABLE';

export interface StreamErrorOptions extends ErrorOptions {
  /** What programs need to go on, by name: tokens, counts. `resume_token` also becomes the trailer of that name. */
  readonly details?: Readonly<Record<string, string>>;
  /** Path of the request's field that is wrong, as in the contract: acknowledge.ack_token. Only with a malformed value. */
  readonly field?: string;
  /** Whether the stream was told before of its end, and when to come back: that time is over. */
  readonly announced?: boolean;
  /** When to come back, where that is known. */
  readonly retryDelayMs?: number;
}

/** Ends a stream or call in a way that its client is told of: the message is fit for a client to read. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly reason: StreamErrorReason;
  readonly details: Readonly<Record<string, string>>;
  readonly field: string | undefined;
  readonly announced: boolean;
  readonly retryDelayMs: number | undefined;

  constructor(reason: StreamErrorReason, message: string, options: StreamErrorOptions = {}) {
    super(message, options);
    this.reason = reason;
    this.details = options.details ?? {};
    this.field = options.field;
    this.announced = options.announced ?? false;
    this.retryDelayMs = options.retryDelayMs;
  }

  /** The same error with other details. */
  withDetails(details: Readonly<Record<string, string>>): StreamError {
    const { reason, message, field, announced, retryDelayMs, cause } = this;
    return new StreamError(reason, message, {
      ...{ details, announced, cause },
      ...(field === undefined ? {} : { field }),
      ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    });
  }
}
