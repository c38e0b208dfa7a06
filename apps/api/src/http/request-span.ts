import type { RunningSpan, TraceCarrier, Tracing } from '@order-events/runtime';
import type { Request, Response } from 'express';

/** Others are `_OTHER`: the names of spans must be few. */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  ...['OPTIONS', 'CONNECT', 'TRACE', 'QUERY'],
]);
const FIRST_SERVER_ERROR = 500;

/**
 * The span of a request, by the conventions for HTTP servers. It ends with the answer, or with the connection when that comes first. A
 * query is left out: it may have tokens.
 */
export function startRequestSpan(
  tracing: Tracing,
  parent: TraceCarrier | undefined,
  request: Request,
  response: Response,
): RunningSpan {
  const isKnown = METHODS.has(request.method);
  const method = isKnown ? request.method : '_OTHER';
  const name = isKnown ? request.method : 'HTTP';
  const span = tracing.startSpan({
    name,
    kind: 'server',
    parent,
    attributes: {
      'http.request.method': method,
      'http.request.method_original': isKnown ? undefined : request.method,
      'url.path': request.path,
      'url.scheme': request.protocol,
      'network.protocol.version': request.httpVersion,
    },
  });
  response.once('close', () => {
    // Set by the router that answered.
    const routed: unknown = request.route?.path;
    const route = typeof routed === 'string' ? routed : undefined;
    const { statusCode } = response;
    span.end({
      name: route === undefined ? name : `${name} ${route}`,
      attributes: {
        'http.route': route,
        'http.response.status_code': response.headersSent ? statusCode : undefined,
      },
      error: errorOf(response),
    });
  });
  return span;
}

/** What the client did wrong is no error of the server. */
function errorOf({ writableFinished, statusCode }: Response): string | undefined {
  if (!writableFinished) return 'aborted';
  return statusCode >= FIRST_SERVER_ERROR ? String(statusCode) : undefined;
}
