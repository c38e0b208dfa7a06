import type { Metadata } from 'nice-grpc-common';
import { toDuration, toMilliseconds } from './duration.ts';
import { BadRequest, ErrorInfo, RetryInfo } from './gen/google/rpc/error_details.ts';
import { Status } from './gen/google/rpc/status.ts';

/** What a failed call tells beyond its code and message. */
export interface ErrorDetails {
  /** Wrong fields of the request. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  /** Why, for programs: a reason in UPPER_SNAKE_CASE and values by name. */
  readonly info?: { readonly reason: string; readonly metadata: Readonly<Record<string, string>> };
  /** Try again after this time. */
  readonly retryDelayMs?: number;
}

/** Trailer of a failed call: an encoded google.rpc.Status. */
export const ERROR_DETAILS_TRAILER = 'grpc-status-details-bin';
/** Trailer of a stream that the server ended: where to go on. */
export const RESUME_TOKEN_TRAILER = 'resume-token';

const DOMAIN = 'orders.v1';
const TYPE_URL_PREFIX = 'type.googleapis.com/';
const BAD_REQUEST = `${TYPE_URL_PREFIX}google.rpc.BadRequest`;
const ERROR_INFO = `${TYPE_URL_PREFIX}google.rpc.ErrorInfo`;
const RETRY_INFO = `${TYPE_URL_PREFIX}google.rpc.RetryInfo`;

/** The value of ERROR_DETAILS_TRAILER. */
export function encodeErrorDetails(code: number, message: string, details: ErrorDetails): Uint8Array {
  const { violations, info, retryDelayMs } = details;
  const packed: { typeUrl: string; value: Buffer }[] = [];
  const pack = (typeUrl: string, bytes: Uint8Array) => packed.push({ typeUrl, value: Buffer.from(bytes) });
  if (violations) {
    pack(
      BAD_REQUEST,
      BadRequest.encode(BadRequest.fromPartial({ fieldViolations: [...violations] })).finish(),
    );
  }
  if (info) {
    pack(ERROR_INFO, ErrorInfo.encode({ ...info, domain: DOMAIN, metadata: { ...info.metadata } }).finish());
  }
  if (retryDelayMs !== undefined) {
    pack(RETRY_INFO, RetryInfo.encode({ retryDelay: toDuration(retryDelayMs) }).finish());
  }
  return Status.encode({ code, message, details: packed }).finish();
}

/**
 * The details in the trailers of a failed call; details of a kind that is not known here are left out, and all of them when they
 * cannot be read: the call has failed in any case, and whoever is in between may have put something else there.
 */
export function decodeErrorDetails(trailer: Metadata): ErrorDetails {
  const bytes = trailer.get(ERROR_DETAILS_TRAILER);
  if (!bytes) return {};
  try {
    return readDetails(bytes);
  } catch {
    return {};
  }
}

function readDetails(bytes: Uint8Array): ErrorDetails {
  const found: { -readonly [Kind in keyof ErrorDetails]: ErrorDetails[Kind] } = {};
  for (const { typeUrl, value } of Status.decode(bytes).details) {
    if (typeUrl === BAD_REQUEST) found.violations = BadRequest.decode(value).fieldViolations;
    if (typeUrl === ERROR_INFO) {
      const info = ErrorInfo.decode(value);
      // A proxy may give reasons of its own.
      if (info.domain === DOMAIN) found.info = info;
    }
    if (typeUrl === RETRY_INFO) {
      const { retryDelay } = RetryInfo.decode(value);
      found.retryDelayMs = retryDelay ? toMilliseconds(retryDelay) : 0;
    }
  }
  return found;
}
