import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler } from 'express';

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Gives a request that has no valid W3C trace context a new one, as if the client had sent it, and answers with the trace id: the
 * same id is in the log lines of the request and in the events that it causes.
 */
export const traceRequests: RequestHandler = (request, response, next) => {
  const given = TRACEPARENT.exec(request.get('traceparent') ?? '');
  const traceId = given?.[1] ?? randomBytes(16).toString('hex');
  if (!given) request.headers['traceparent'] = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
  response.set('X-Request-Id', traceId);
  next();
};

/** The trace context of a request that went through `traceRequests`. */
export function traceparentOf(request: Request): string {
  return request.get('traceparent') ?? '';
}
