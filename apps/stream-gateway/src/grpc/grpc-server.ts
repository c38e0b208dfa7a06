import {
  addressText,
  createOpeningPart,
  type Part,
  settleWithin,
  type Tracing,
  type WatchedCertificate,
} from '@order-events/runtime';
import { createServer, type Server } from 'nice-grpc';
import { HealthDefinition, HealthServiceImpl } from 'nice-grpc-server-health';
import type { WatchRegistry } from '../stream/watch-registry.ts';
import { createCallMiddleware } from './call-middleware.ts';
import type { CallAccess } from './call-access.ts';
import { createCallWires } from './call-wires.ts';
import { notingDoubledAuthorization } from './doubled-authorization.ts';
import type { Health } from './health.ts';
import { withLongBacklog } from './listen-backlog.ts';
import {
  createOrderStreamService,
  EncodedOrderStreamDefinition,
  type OrderStreamServiceOptions,
} from './order-stream-service.ts';
import { addReflection } from './reflection.ts';
import type { RequestArrivals } from './request-arrivals.ts';
import { serverCredentials } from './server-credentials.ts';

export interface GrpcServerOptions extends Omit<OrderStreamServiceOptions, 'wires'> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Speaks TLS with it. */
  readonly certificate: WatchedCertificate | undefined;
  readonly connections: {
    readonly maxStreams: number;
    readonly idleMs: number;
    readonly keepaliveMs: number;
    readonly keepaliveTimeoutMs: number;
  };
  readonly arrivals: RequestArrivals;
  readonly health: Health;
  /** Undefined where access control is off. */
  readonly access: CallAccess | undefined;
  /** Undefined makes no spans. */
  readonly tracing: Tracing | undefined;
  /** Longest time of `stop`. */
  readonly stopMs: number;
}

export interface GrpcServer extends Part {
  /** Whether it listens and takes new streams. */
  isServing(): boolean;
  isDraining(): boolean;
}

/** Of one request. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** Calls beside streams, and streams to refuse: clients queue silently what is beyond the limit that HTTP/2 announces. */
export const CALLS_BESIDE_STREAMS = 1_000;

/** Of the time to stop: streams end over the first part, and have as long again to take what was sent. */
const DRAIN_WINDOW_SHARE = 0.4;
const DRAIN_TOLD_SHARE = 0.5;
const DRAIN_SHARE = 0.8;

/** The gRPC port: streams, health, reflection. `stop` drains: see WatchRegistry. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { watches, health, log } = options;
  const ended = new AbortController();
  let isListening = false;
  let isDraining = false;

  async function drain(server: Server): Promise<void> {
    isDraining = true;
    health.drain();
    log.info({ streams: watches.size() }, 'draining');
    watches.drain(options.stopMs * DRAIN_WINDOW_SHARE);
    const empty = watches.whenEmpty();
    if (!(await settleWithin(empty, options.stopMs * DRAIN_TOLD_SHARE))) endBlocked(watches);
    const drained = await settleWithin(empty, options.stopMs * (DRAIN_SHARE - DRAIN_TOLD_SHARE));
    if (!drained) log.warn({ streams: watches.size() }, 'streams whose clients take nothing are cut off');
    ended.abort();
    const closing = server.shutdown();
    // A graceful end waits for every client; nothing is left that is worth waiting for.
    await settleWithin(closing, options.stopMs * (1 - DRAIN_SHARE));
    server.forceShutdown();
    isListening = false;
  }

  const part = createOpeningPart('gRPC server', async () => {
    const server = createOrderServer(options, ended.signal, () => isDraining);
    const port = await withLongBacklog(() =>
      notingDoubledAuthorization(() =>
        server.listen(addressText(options), serverCredentials(options.certificate)),
      ),
    );
    isListening = true;
    log.info({ name: 'grpc', url: addressText({ host: options.host, port }) }, 'listening');
    return () => drain(server);
  });
  return { ...part, isServing: () => isListening && !isDraining, isDraining: () => isDraining };
}

/** Loops that wait for their clients have not seen that they must end; a client that takes anything again learns why, and its token. */
function endBlocked(watches: WatchRegistry): void {
  for (const watch of watches.list()) {
    watches.end(watch, 'DRAINING', 'this server is stopping: go on with the resume token, on another one');
  }
}

function createOrderServer(
  options: GrpcServerOptions,
  ended: AbortSignal,
  isDraining: () => boolean,
): Server {
  const { connections, health, access, audit, tracing, metrics, log } = options;
  const wires = createCallWires(options.arrivals);
  const server = createServer({
    // Costs memory for each call and is read by nobody.
    'grpc.enable_channelz': 0,
    // Finds clients that vanished without a word.
    'grpc.keepalive_time_ms': connections.keepaliveMs,
    'grpc.keepalive_timeout_ms': connections.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': connections.idleMs,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': connections.maxStreams + CALLS_BESIDE_STREAMS,
    interceptors: [wires.interceptor],
  }).use(
    createCallMiddleware({
      ...{ ended, isDraining, wires, access, audit, tracing, log },
      onRefused: metrics.streamRefused,
      onCallEnded: metrics.callEnded,
    }),
  );
  server.add(EncodedOrderStreamDefinition, createOrderStreamService({ ...options, wires }));
  server.add(HealthDefinition, HealthServiceImpl(health.state));
  addReflection(server, [EncodedOrderStreamDefinition.fullName, HealthDefinition.fullName]);
  return server;
}
