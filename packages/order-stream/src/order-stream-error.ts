import { ClientError, Status } from 'nice-grpc-common';
import type { ErrorDetails } from './error-details.ts';

/** Said by gateways alone, never by gRPC or a proxy: the same request gets it again and again, on any gateway. */
const ALWAYS_FINAL: ReadonlySet<Status> = new Set([
  Status.INVALID_ARGUMENT,
  Status.OUT_OF_RANGE,
  Status.FAILED_PRECONDITION,
]);

/** A gateway that says this means it. Proxies say it as well, in their own name: for a moment while they start, or for good. */
const FINAL_BY_GATEWAY: ReadonlySet<Status> = new Set([Status.PERMISSION_DENIED, Status.UNIMPLEMENTED]);

/** What becomes of a call without anybody having refused it: the server is away, or the call was cut off. */
const INTERRUPTIONS: ReadonlySet<Status> = new Set([
  Status.UNAVAILABLE,
  Status.CANCELLED,
  Status.DEADLINE_EXCEEDED,
  Status.ABORTED,
]);

/** A stream was refused for a reason that trying again cannot mend. */
export class OrderStreamError extends Error {
  override readonly name = 'OrderStreamError';
  readonly code: Status;
  /** For programs, for example RESUME_TOKEN_EXPIRED; undefined where the server gives none. */
  readonly reason: string | undefined;
  /** The oldest point that can be watched from; given when a token or a start is refused, unless it is too long for an error. */
  readonly earliestToken: string | undefined;
  /** The end of the log; the same. `getReplayRange` of a client has both. */
  readonly latestToken: string | undefined;
  /** The first wrong fields of the request; given with INVALID_ARGUMENT. The message says how many there are more. */
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

/** What a failure means for the next try. */
export type Verdict = 'final' | 'unauthenticated' | 'interrupted' | 'unexplained';

/**
 * What to do about a failure. `final`: no retry mends it. `unauthenticated`: the same credentials do not mend it, others may.
 * `interrupted`: try again for as long as it takes. `unexplained`: nobody knows, because it carries nothing of a gateway's; a proxy
 * may have said it, or the answer could not be read.
 */
export function verdictOn(error: unknown, details: ErrorDetails): Verdict {
  if (!(error instanceof ClientError)) return 'interrupted';
  const isOfGateway = details.info !== undefined || details.violations !== undefined;
  if (ALWAYS_FINAL.has(error.code)) return 'final';
  if (error.code === Status.UNAUTHENTICATED) return isOfGateway ? 'unauthenticated' : 'unexplained';
  if (FINAL_BY_GATEWAY.has(error.code)) return isOfGateway ? 'final' : 'unexplained';
  const isTold = isOfGateway || details.retryDelayMs !== undefined;
  return isTold || INTERRUPTIONS.has(error.code) ? 'interrupted' : 'unexplained';
}
