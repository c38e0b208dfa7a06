import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace context that a request came with, or a new one. */
export function traceContextOf(request: IncomingMessage): { traceId: string; traceparent: string } {
  const given = String(request.headers['traceparent'] ?? '');
  const traceId = TRACEPARENT.exec(given)?.[1];
  if (traceId) return { traceId, traceparent: given };
  const newId = randomBytes(16).toString('hex');
  return { traceId: newId, traceparent: `00-${newId}-${randomBytes(8).toString('hex')}-01` };
}

/**
 * Gives a request that has no valid W3C trace context a new one, as if the client had sent it, and answers with the trace id: the
 * same id is in the log lines of the request and in the events that it causes.
 */
export const traceRequests: RequestHandler = (request, response, next) => {
  const { traceId, traceparent } = traceContextOf(request);
  request.headers['traceparent'] = traceparent;
  response.set('X-Request-Id', traceId);
  next();
};

/** The trace context of a request that went through `traceRequests`. */
export function traceparentOf(request: Request): string {
  return request.get('traceparent') ?? '';
}
