import {
  isDatabaseAway,
  isDatabaseClosed,
  isDatabaseReadOnly,
  isDatabaseUntrusted,
} from '@order-events/database';
import { DomainError } from '@order-events/domain';
import type { ErrorRequestHandler, Response } from 'express';
import { ExpectedError, type Logger } from '@order-events/runtime';
import { OrderError } from '../orders/order-error.ts';
import { problemType } from './problem-type.ts';

export interface ProblemDetail {
  /** JSON pointer into the body, or `/path/…`, `/query/…`, `/headers/…`. */
  readonly pointer: string;
  readonly detail: string;
}

/** An answer that is not what the caller hoped for (RFC 9457). `code` is stable; `detail` is for people. */
export class Problem extends ExpectedError {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly errors: readonly ProblemDetail[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: readonly ProblemDetail[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.code = code;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }
}

export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  malformed_request: { status: 400, title: 'The request is not HTTP' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  unauthenticated: { status: 401, title: 'A valid token is needed' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  order_not_found: { status: 404, title: 'No such order' },
  route_not_found: { status: 404, title: 'No such route' },
  method_not_allowed: { status: 405, title: 'The route has no such method' },
  not_acceptable: { status: 406, title: 'The client takes no JSON' },
  request_timeout: { status: 408, title: 'The request was not sent in time' },
  invalid_status_transition: { status: 409, title: 'The status cannot change like this' },
  idempotency_key_in_use: { status: 409, title: 'The same request is still being worked on' },
  import_in_progress: { status: 409, title: 'The same orders are being imported' },
  order_busy: { status: 409, title: 'Too many change the order at once' },
  changes_expired: { status: 410, title: 'What has changed since then cannot be told' },
  version_mismatch: { status: 412, title: 'The order has changed meanwhile' },
  precondition_failed: { status: 412, title: 'The state is not what the request wants' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  invalid_order: { status: 422, title: 'The order breaks a rule' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key belongs to another request' },
  too_many_requests: { status: 429, title: 'More was asked for than this caller may' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  overloaded: { status: 503, title: 'More is asked for than can be answered soon' },
  keys_unavailable: { status: 503, title: 'Tokens cannot be checked now' },
  read_only: { status: 503, title: 'Nothing can be changed now' },
  service_unavailable: { status: 503, title: 'The service cannot answer now' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** Problems that go away by themselves: when to try again, in seconds. */
export const RETRY_AFTER: Partial<Record<ProblemCode, string>> = {
  idempotency_key_in_use: '1',
  import_in_progress: '1',
  order_busy: '1',
  overloaded: '1',
  read_only: '5',
  service_unavailable: '1',
};

/** Express's last handler: the one place where errors become answers. What is not known is logged, and told nobody. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  // Express tells an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    const problem = problemOf(error);
    // Set for each request by `traceRequests`.
    const traceId = response.get('X-Request-Id') ?? '';
    const about = { url: request.path, requestId: traceId };
    if (problem.code === 'internal_error') log.error({ err: error, ...about }, 'request failed');
    if (problem.code === 'service_unavailable') log.warn({ reason: error, ...about }, 'database away');
    if (problem.code === 'read_only') log.warn({ reason: error, ...about }, 'database read-only');
    if (response.headersSent) return void response.destroy();
    sendProblem(response, problem, { instance: request.originalUrl, traceId });
  };
}

function sendProblem(response: Response, problem: Problem, request: ProblemRequest): void {
  const { status, headers, body } = problemAnswerOf(problem, request);
  // Express would look for what to say of the body once more.
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

/** The request that has a problem. */
export interface ProblemRequest {
  /** Its path and query; empty when it is not known. */
  readonly instance: string;
  readonly traceId: string;
}

/** What is sent, by Express or without it. */
export function problemAnswerOf(
  problem: Problem,
  { instance, traceId }: ProblemRequest,
): { status: number; headers: Record<string, string>; body: string } {
  const { status, title } = PROBLEMS[problem.code];
  const retryAfter = RETRY_AFTER[problem.code];
  const body = JSON.stringify({
    type: problemType(problem.code),
    title,
    status,
    code: problem.code,
    detail: problem.message,
    instance,
    trace_id: traceId,
    ...(problem.errors.length > 0 && { errors: problem.errors }),
  });
  const headers = {
    ...problem.headers,
    ...(retryAfter && { 'Retry-After': retryAfter }),
    'Content-Type': 'application/problem+json; charset=utf-8',
  };
  return { status, headers, body };
}

/** The problem that an error is told as. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof OrderError || error instanceof DomainError) {
    if (isProblemCode(error.code)) return new Problem(error.code, error.message);
  }
  if (isDatabaseReadOnly(error)) {
    return new Problem('read_only', 'the database takes no changes at present, orders can only be read');
  }
  // Its certificate may be replaced any moment, and so may a password.
  if (isDatabaseAway(error) || isDatabaseUntrusted(error) || isDatabaseClosed(error)) {
    return new Problem('service_unavailable', 'the database does not answer; try again');
  }
  // Thrown by Express's router.
  if (error instanceof URIError) {
    return new Problem('validation_failed', 'the path of the request is not percent-encoded correctly');
  }
  return bodyProblem(error) ?? new Problem('internal_error', 'the error is logged; try again later');
}

/** Errors of Express's body parser carry a status, and most of them a `type`. */
function bodyProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const type = 'type' in error ? error.type : undefined;
  if (type === 'entity.parse.failed') {
    return new Problem('malformed_json', 'the body could not be parsed as JSON');
  }
  if (error.status === 413) return new Problem('payload_too_large', 'the body may have 512 KiB at most');
  if (error.status === 415) {
    return new Problem('unsupported_media_type', 'the body must be UTF-8 JSON, plain or compressed');
  }
  if (error.status === 400) return new Problem('malformed_json', 'the body is incomplete or damaged');
  return undefined;
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
