import type { TraceCarrier, Tracing } from '@order-events/runtime';
import { type Metadata, Status } from 'nice-grpc-common';

/** What is the server's fault, by the conventions for gRPC. */
const SERVER_ERRORS: ReadonlySet<Status> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.UNIMPLEMENTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The span of a call, made when it has ended: a stream lives for an hour, and nothing is kept of it meanwhile. A caller that sent a
 * trace context is its parent.
 */
export function recordCallSpan(
  tracing: Tracing,
  call: { path: string; metadata: Metadata; startTimeMs: number; status: Status },
): void {
  const method = call.path.slice(1);
  const status = Status[call.status];
  const span = tracing.startSpan({
    name: method,
    kind: 'server',
    parent: callerOf(call.metadata),
    startTimeMs: call.startTimeMs,
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': method,
      'rpc.response.status_code': status,
    },
  });
  span.end({ error: SERVER_ERRORS.has(call.status) ? status : undefined });
}

function callerOf(metadata: Metadata): TraceCarrier | undefined {
  const traceparent = metadata.get('traceparent');
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return undefined;
  return { traceparent, tracestate: metadata.get('tracestate') };
}
