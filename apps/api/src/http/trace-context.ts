import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TraceCarrier, Tracing } from '@order-events/runtime';
import type { Request, RequestHandler } from 'express';
import { startRequestSpan } from './request-span.ts';

const TRACEPARENT =
  /^(?<version>(?!ff)[0-9a-f]{2})-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<parentId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.*)?$/;
/** The only version that we know. */
const VERSION = '00';
const SAMPLED = 1;

/** Members of `tracestate`: a key, with or without a vendor behind @, and a value without commas and equals signs. */
const TRACESTATE_MEMBER =
  /^[ \t]*(?:(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~])?[ \t]*$/;
/** What everybody is to pass on at least, and we at most. */
const MAX_TRACESTATE_LENGTH = 512;
const MAX_TRACESTATE_MEMBERS = 32;

/**
 * The traceparent is as it goes on, of version 00. There is no state when the request had none, or one that is not as it must be; and
 * never one without the traceparent that it came with.
 */
export interface TraceContext extends TraceCarrier {
  readonly traceId: string;
}

/** The W3C trace context that a request came with, or a new one. */
export function traceContextOf(request: IncomingMessage): TraceContext {
  return callersContext(request) ?? newContext();
}

function callersContext(request: IncomingMessage): TraceContext | undefined {
  const { traceparent, tracestate } = request.headers;
  const context = given(String(traceparent ?? ''));
  return context && { ...context, tracestate: tracestateOf(tracestate) };
}

/** Of a later version that is read which this one has too, and what else it may have is left out. */
function given(header: string): TraceContext | undefined {
  const { version, traceId, parentId, flags, more } = TRACEPARENT.exec(header)?.groups ?? {};
  if (traceId === undefined) return undefined;
  if (version === VERSION) return more === undefined ? { traceId, traceparent: header } : undefined;
  const sampled = Number.parseInt(flags ?? '', 16) & SAMPLED;
  return { traceId, traceparent: `${VERSION}-${traceId}-${parentId}-0${sampled}` };
}

/** Not our business and passed on as it is, whoever set it; with a fault anywhere the whole of it is left out. */
function tracestateOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const tracestate = [header].flat().join(',');
  const members = tracestate.split(',', MAX_TRACESTATE_MEMBERS + 1);
  const isValid =
    tracestate.length <= MAX_TRACESTATE_LENGTH &&
    members.length <= MAX_TRACESTATE_MEMBERS &&
    members.every((member) => TRACESTATE_MEMBER.test(member));
  return isValid && /\S/.test(tracestate) ? tracestate : undefined;
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
 * Gives a request that has no valid W3C trace context a new one, and answers with the trace id: the
 * same id is in the log lines of the request and in the events that it causes. With `tracing` the request is a span, whose context is
 * the one that goes on.
 */
export function traceRequests(tracing?: Tracing): RequestHandler {
  return (request, response, next) => {
    const context = tracing
      ? withId(startRequestSpan(tracing, callersContext(request), request, response))
      : traceContextOf(request);
    contexts.set(request, context);
    response.setHeader('X-Request-Id', context.traceId);
    next();
  };
}

function withId({ traceparent, tracestate }: TraceCarrier): TraceContext {
  return { traceId: traceparent.split('-')[1] ?? '', traceparent, tracestate };
}

const contexts = new WeakMap<Request, TraceContext>();

/** The trace context of a request that went through `traceRequests`, as its event carries it on. */
export function tracesOf(request: Request): TraceCarrier {
  const { traceparent, tracestate } = contexts.get(request) ?? newContext();
  return { traceparent, tracestate };
}
