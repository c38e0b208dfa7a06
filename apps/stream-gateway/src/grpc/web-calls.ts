import { createServer } from 'nice-grpc';
import { Metadata, ServerError, type ServerMiddleware, Status } from 'nice-grpc-common';
import { createCallMiddleware } from './call-middleware.ts';
import { createCallWires } from './call-wires.ts';
import { type GrpcServerOptions, MAX_REQUEST_BYTES } from './grpc-server.ts';
import { createOrderStreamService, EncodedOrderStreamDefinition } from './order-stream-service.ts';
import { toServerError } from './status.ts';

export interface WebCallsOptions extends Omit<
  GrpcServerOptions,
  'host' | 'port' | 'certificate' | 'connections' | 'health' | 'stopMs'
> {
  /** Whether new calls are refused. */
  readonly isDraining: () => boolean;
}

/** What browsers may call, served like on the gRPC port, to the listener that speaks with them. */
export interface WebCalls {
  /** Takes calls on a port of the loopback, which it answers. */
  listen(): Promise<number>;
  /** Calls from this local port are the peer's; those of a port that nobody has introduced are refused. Answers how to forget it. */
  introduce(localPort: number, peer: string): () => void;
  /** Ends what is left. */
  close(): void;
}

const LOOPBACK = '127.0.0.1';

const { watchOrders, getReplayRange } = EncodedOrderStreamDefinition.methods;
const WebDefinition = { ...EncodedOrderStreamDefinition, methods: { watchOrders, getReplayRange } } as const;

/** The paths of these calls. */
export const WEB_CALL_PATHS: ReadonlySet<string> = new Set(
  Object.values(WebDefinition.methods).map(({ name }) => `/${WebDefinition.fullName}/${name}`),
);

/** Limits, tokens, errors and the registry of streams are those of the gRPC port, so that a browser's stream is one like all others. */
export function createWebCalls(options: WebCallsOptions): WebCalls {
  const { access, audit, tracing, metrics, isDraining, log } = options;
  const peers = new Map<string, string>();
  const ended = new AbortController();
  const wires = createCallWires(options.arrivals);
  const server = createServer({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    interceptors: [wires.interceptor],
  })
    .use(knownPeers(peers))
    .use(
      createCallMiddleware({
        ...{ ended: ended.signal, isDraining, wires, access, audit, tracing, log },
        onRefused: metrics.streamRefused,
        onCallEnded: metrics.callEnded,
      }),
    );
  server.add(WebDefinition, createOrderStreamService({ ...options, wires }));
  return {
    listen: () => server.listen(`${LOOPBACK}:0`),
    introduce(localPort, peer) {
      const known = `${LOOPBACK}:${localPort}`;
      peers.set(known, peer);
      return () => void peers.delete(known);
    },
    close() {
      ended.abort();
      server.forceShutdown();
    },
  };
}

/** Other programs of this machine reach the loopback as well. What they would say of whom they speak for is worth nothing; the listener's own ports are known. */
function knownPeers(peers: ReadonlyMap<string, string>): ServerMiddleware {
  return async function* (call, context) {
    const peer = peers.get(context.peer);
    if (peer === undefined) throw new ServerError(Status.PERMISSION_DENIED, 'this port is for this process');
    return yield* call.next(call.request, { ...context, peer });
  };
}

/** What a call that never began is answered, as the gRPC port would. */
export function trailersOf(error: Error): Record<string, string> {
  const trailer = Metadata();
  const answer = toServerError(error, trailer) ?? new ServerError(Status.INTERNAL, 'internal error');
  const trailers: Record<string, string> = {
    'grpc-status': String(answer.code),
    'grpc-message': encodeURIComponent(answer.details),
  };
  for (const [name, values] of trailer) {
    const [value = ''] = values;
    trailers[name] = typeof value === 'string' ? value : Buffer.from(value).toString('base64');
  }
  return trailers;
}

/** In the words of grpc-js. */
export function requestTooLarge(): Error {
  const text = `Received message larger than max (${MAX_REQUEST_BYTES} bytes)`;
  return new ServerError(Status.RESOURCE_EXHAUSTED, text);
}
