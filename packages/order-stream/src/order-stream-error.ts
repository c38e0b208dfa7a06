import { type ClientError, Status } from 'nice-grpc-common';
import type { ErrorDetails } from './error-details.ts';

/** What the same request gets again and again, on any gateway. */
const PERMANENT: ReadonlySet<Status> = new Set([
  Status.INVALID_ARGUMENT,
  Status.OUT_OF_RANGE,
  Status.FAILED_PRECONDITION,
  Status.PERMISSION_DENIED,
  Status.UNAUTHENTICATED,
  Status.UNIMPLEMENTED,
]);

/** A stream was refused for a reason that trying again cannot mend. */
export class OrderStreamError extends Error {
  override readonly name = 'OrderStreamError';
  readonly code: Status;
  /** For programs, for example RESUME_TOKEN_EXPIRED; undefined where the server gives none. */
  readonly reason: string | undefined;
  /** The oldest point that can be watched from; given when a token or a start is refused. */
  readonly earliestToken: string | undefined;
  /** The end of the log; given when a token or a start is refused. */
  readonly latestToken: string | undefined;
  /** Wrong fields of the request; given with INVALID_ARGUMENT. */
  readonly violations: NonNullable<ErrorDetails['violations']>;

  constructor(refusal: ClientError, details: ErrorDetails) {
    super(`${Status[refusal.code]}: ${refusal.details}`, { cause: refusal });
    const metadata = details.info?.metadata ?? {};
    this.code = refusal.code;
    this.reason = details.info?.reason;
    this.earliestToken = metadata['earliest_token'];
    this.latestToken = metadata['latest_token'];
    this.violations = details.violations ?? [];
  }
}

export function isPermanent(error: ClientError): boolean {
  return PERMANENT.has(error.code);
}
