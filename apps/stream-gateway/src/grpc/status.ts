import {
  encodeErrorDetails,
  type ErrorDetails,
  ERROR_DETAILS_TRAILER,
  RESUME_TOKEN_TRAILER,
} from '@order-events/order-stream';
import { AccessError, type AccessErrorKind } from '@order-events/access';
import { type Metadata, ServerError, Status } from 'nice-grpc-common';
import { StreamError, type StreamErrorReason } from '../stream/stream-error.ts';
import { InvalidRequestError } from './invalid-request-error.ts';
import { shortMetadata, shortText, shortViolations, violationsText } from './trailer-bounds.ts';

const CODES: Readonly<Record<StreamErrorReason, Status>> = {
  RESUME_TOKEN_MALFORMED: Status.INVALID_ARGUMENT,
  RESUME_TOKEN_FOREIGN: Status.FAILED_PRECONDITION,
  RESUME_TOKEN_EXPIRED: Status.OUT_OF_RANGE,
  RESUME_TOKEN_AHEAD: Status.OUT_OF_RANGE,
  EVENTS_UNREADABLE: Status.OUT_OF_RANGE,
  ACK_TOKEN_MALFORMED: Status.INVALID_ARGUMENT,
  ACK_TOKEN_FOREIGN: Status.INVALID_ARGUMENT,
  SUBSCRIPTION_NOT_FOUND: Status.NOT_FOUND,
  SUBSCRIPTION_HAS_MEMBERS: Status.FAILED_PRECONDITION,
  SUBSCRIPTION_HAS_FOREIGN_MEMBERS: Status.FAILED_PRECONDITION,
  SUBSCRIPTION_FILTER_DIFFERS: Status.FAILED_PRECONDITION,
  HELD_TOPIC_MISSING: Status.FAILED_PRECONDITION,
  HELD_ORDER_NOT_FOUND: Status.NOT_FOUND,
  HELD_RECORD_NOT_FOUND: Status.NOT_FOUND,
  TOO_MUCH_HELD: Status.RESOURCE_EXHAUSTED,
  ACKNOWLEDGE_TIMEOUT: Status.UNAVAILABLE,
  WATCHER_NOT_FOUND: Status.NOT_FOUND,
  DRAINING: Status.UNAVAILABLE,
  WATCH_AGE_REACHED: Status.UNAVAILABLE,
  CLOSED_BY_OPERATOR: Status.UNAVAILABLE,
  SLOW_CONSUMER: Status.RESOURCE_EXHAUSTED,
  TOO_MANY_WATCHERS: Status.RESOURCE_EXHAUSTED,
  TOO_MANY_CONSUMERS: Status.RESOURCE_EXHAUSTED,
  TOO_MANY_STREAMS_OF_CONNECTION: Status.RESOURCE_EXHAUSTED,
  TOO_MANY_STREAMS_OF_PRINCIPAL: Status.RESOURCE_EXHAUSTED,
  TOO_MANY_CALLS_OF_PRINCIPAL: Status.RESOURCE_EXHAUSTED,
  REQUEST_MEMORY_EXHAUSTED: Status.RESOURCE_EXHAUSTED,
  REQUEST_NOT_SENT: Status.DEADLINE_EXCEEDED,
  SOURCE_UNAVAILABLE: Status.UNAVAILABLE,
  ACCESS_EXPIRED: Status.UNAUTHENTICATED,
  ACCESS_REVOKED: Status.UNAUTHENTICATED,
};

const REFUSALS: Readonly<Record<AccessErrorKind, { readonly code: Status; readonly reason: string }>> = {
  unauthenticated: { code: Status.UNAUTHENTICATED, reason: 'ACCESS_UNAUTHENTICATED' },
  forbidden: { code: Status.PERMISSION_DENIED, reason: 'ACCESS_FORBIDDEN' },
  'keys-unavailable': { code: Status.UNAVAILABLE, reason: 'ACCESS_KEYS_UNAVAILABLE' },
};

/** A little of it is random, so that clients which failed together do not come back together. */
const RETRY_DELAY_MS = 1_000;
const RETRY_JITTER_MS = 1_000;

/**
 * The one place where errors become gRPC statuses. Answers the error to send and puts its details into the trailers, as much of them
 * as clients take; undefined for an error that clients must learn nothing about.
 */
export function toServerError(error: unknown, trailer: Metadata): ServerError | undefined {
  if (error instanceof ServerError) return new ServerError(error.code, shortText(error.details));
  if (error instanceof InvalidRequestError) {
    const violations = shortViolations(error.violations);
    const text = violationsText(violations, error.total);
    return withDetails(Status.INVALID_ARGUMENT, text, { violations }, trailer);
  }
  if (error instanceof AccessError) return refusal(error, trailer);
  if (!(error instanceof StreamError)) return undefined;
  const code = CODES[error.reason];
  const message = shortText(error.message);
  if (error.field !== undefined) {
    const violations = [{ field: error.field, description: message }];
    return withDetails(code, message, { violations }, trailer);
  }
  const metadata = shortMetadata(error.details, 'resume_token');
  const resumeToken = metadata['resume_token'];
  if (resumeToken) trailer.set(RESUME_TOKEN_TRAILER, resumeToken);
  const details = {
    info: { reason: error.reason, metadata },
    ...(isRetryable(code)
      ? { retryDelayMs: error.announced ? 0 : (error.retryDelayMs ?? retryDelayMs()) }
      : {}),
  };
  return withDetails(code, message, details, trailer);
}

function refusal(error: AccessError, trailer: Metadata): ServerError {
  const { code, reason } = REFUSALS[error.kind];
  const details = {
    info: { reason, metadata: { refusal: error.reason } },
    ...(isRetryable(code) ? { retryDelayMs: retryDelayMs() } : {}),
  };
  return withDetails(code, shortText(error.message), details, trailer);
}

function withDetails(code: Status, message: string, details: ErrorDetails, trailer: Metadata): ServerError {
  trailer.set(ERROR_DETAILS_TRAILER, encodeErrorDetails(code, message, details));
  return new ServerError(code, message);
}

function isRetryable(code: Status): boolean {
  return code === Status.UNAVAILABLE || code === Status.RESOURCE_EXHAUSTED;
}

function retryDelayMs(): number {
  return RETRY_DELAY_MS + Math.round(Math.random() * RETRY_JITTER_MS);
}
