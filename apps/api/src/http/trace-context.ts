import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';

const TRACEPARENT =
  /^(?<version>(?!ff)[0-9a-f]{2})-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<parentId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.*)?$/;
/** The only version that we know. */
const VERSION = '00';
const SAMPLED = 1;

export interface TraceContext {
  readonly traceId: string;
  /** As it goes on: of version 00. */
  readonly traceparent: string;
}

/** The W3C trace context that a request came with, or a new one. */
export function traceContextOf(request: IncomingMessage): TraceContext {
  return given(String(request.headers['traceparent'] ?? '')) ?? newContext();
}

/** Of a later version that is read which this one has too, and what else it may have is left out. */
function given(header: string): TraceContext | undefined {
  const { version, traceId, parentId, flags, more } = TRACEPARENT.exec(header)?.groups ?? {};
  if (traceId === undefined) return undefined;
  if (version === VERSION) return more === undefined ? { traceId, traceparent: header } : undefined;
  const sampled = Number.parseInt(flags ?? '', 16) & SAMPLED;
  return { traceId, traceparent: `${VERSION}-${traceId}-${parentId}-0${sampled}` };
}

function newContext(): TraceContext {
  const traceId = randomHex();
  return { traceId, traceparent: `${VERSION}-${traceId}-${randomHex().slice(-16)}-01` };
}

/** 32 digits that are never all 0, nor are the last 16. Node draws random bytes for many UUIDs at once, which costs a tenth. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
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
