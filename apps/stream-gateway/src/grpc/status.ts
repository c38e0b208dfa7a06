import {
  encodeErrorDetails,
  type ErrorDetails,
  ERROR_DETAILS_TRAILER,
  RESUME_TOKEN_TRAILER,
} from '@order-events/order-stream';
import { type Metadata, ServerError, Status } from 'nice-grpc-common';
import { WatchError, type WatchErrorReason } from '../watch/watch-error.ts';
import { InvalidRequestError } from './invalid-request-error.ts';

const CODES: Readonly<Record<WatchErrorReason, Status>> = {
  RESUME_TOKEN_MALFORMED: Status.INVALID_ARGUMENT,
  RESUME_TOKEN_FOREIGN: Status.FAILED_PRECONDITION,
  RESUME_TOKEN_EXPIRED: Status.OUT_OF_RANGE,
  RESUME_TOKEN_AHEAD: Status.OUT_OF_RANGE,
  DRAINING: Status.UNAVAILABLE,
  WATCH_AGE_REACHED: Status.UNAVAILABLE,
  TOO_MANY_WATCHERS: Status.RESOURCE_EXHAUSTED,
  SOURCE_UNAVAILABLE: Status.UNAVAILABLE,
};

/** A little of it is random, so that clients which failed together do not come back together. */
const RETRY_DELAY_MS = 1_000;
const RETRY_JITTER_MS = 1_000;

/**
 * The one place where errors become gRPC statuses. Answers the error to send and puts its details into the trailers; undefined for
 * an error that clients must learn nothing about.
 */
export function toServerError(error: unknown, trailer: Metadata): ServerError | undefined {
  if (error instanceof ServerError) return error;
  if (error instanceof InvalidRequestError) {
    const violations = error.violations;
    return withDetails(Status.INVALID_ARGUMENT, error.message, { violations }, trailer);
  }
  if (!(error instanceof WatchError)) return undefined;
  const code = CODES[error.reason];
  if (code === Status.INVALID_ARGUMENT) {
    const violations = [{ field: 'start.resume_token', description: error.message }];
    return withDetails(code, error.message, { violations }, trailer);
  }
  const resumeToken = error.details['resume_token'];
  if (resumeToken) trailer.set(RESUME_TOKEN_TRAILER, resumeToken);
  const details = {
    info: { reason: error.reason, metadata: error.details },
    ...(isRetryable(code) ? { retryDelayMs: retryDelayMs(resumeToken) } : {}),
  };
  return withDetails(code, error.message, details, trailer);
}

function withDetails(code: Status, message: string, details: ErrorDetails, trailer: Metadata): ServerError {
  trailer.set(ERROR_DETAILS_TRAILER, encodeErrorDetails(code, message, details));
  return new ServerError(code, message);
}

function isRetryable(code: Status): boolean {
  return code === Status.UNAVAILABLE || code === Status.RESOURCE_EXHAUSTED;
}

/** A stream that was ended has been told when to come back: that time is over. */
function retryDelayMs(resumeToken: string | undefined): number {
  return resumeToken ? 0 : RETRY_DELAY_MS + Math.round(Math.random() * RETRY_JITTER_MS);
}
