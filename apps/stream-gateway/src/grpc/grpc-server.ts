import { type Part, settleWithin } from '@order-events/runtime';
import { createServer, type Server } from 'nice-grpc';
import { HealthDefinition, HealthServiceImpl } from 'nice-grpc-server-health';
import { createCallMiddleware } from './call-middleware.ts';
import { createCallWires } from './call-wires.ts';
import type { Health } from './health.ts';
import {
  createOrderStreamService,
  EncodedOrderStreamDefinition,
  type OrderStreamServiceOptions,
} from './order-stream-service.ts';
import { addReflection } from './reflection.ts';

export interface GrpcServerOptions extends Omit<OrderStreamServiceOptions, 'wires'> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly health: Health;
  /** Longest time of `stop`. */
  readonly stopMs: number;
}

export interface GrpcServer extends Part {
  /** Whether it listens and takes new streams. */
  isServing(): boolean;
}

const SERVER_SETTINGS = {
  // Costs memory for each call and is read by nobody.
  'grpc.enable_channelz': 0,
  // Finds clients that vanished without a word.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': 1024 * 1024,
  'grpc.max_concurrent_streams': 1_000,
};

/** Of the time to stop: streams end over the first part, and have as long again to take what was sent. */
const DRAIN_WINDOW_SHARE = 0.4;
const DRAIN_SHARE = 0.8;

/** The gRPC port: streams, health, reflection. `stop` drains: see WatchRegistry. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { watches, health, log } = options;
  const ended = new AbortController();
  let server: Server | undefined;
  let isListening = false;
  let isDraining = false;
  let stopped: Promise<void> | undefined;

  async function drain(): Promise<void> {
    isDraining = true;
    health.drain();
    log.info({ streams: watches.size() }, 'draining');
    watches.drain(options.stopMs * DRAIN_WINDOW_SHARE);
    const drained = await settleWithin(watches.whenEmpty(), options.stopMs * DRAIN_SHARE);
    if (!drained) log.warn({ streams: watches.size() }, 'streams whose clients take nothing are cut off');
    ended.abort();
    const closing = server?.shutdown();
    // A graceful end waits for every client; nothing is left that is worth waiting for.
    if (closing) await settleWithin(closing, options.stopMs * (1 - DRAIN_SHARE));
    server?.forceShutdown();
    isListening = false;
  }

  return {
    name: 'gRPC server',
    isServing: () => isListening && !isDraining,
    async start() {
      server = createOrderServer(options, ended.signal, () => isDraining);
      const port = await server.listen(`${options.host}:${options.port}`);
      isListening = true;
      log.info({ name: 'grpc', url: `${options.host}:${port}` }, 'listening');
    },
    stop() {
      if (!isListening && !stopped) return Promise.resolve();
      return (stopped ??= drain());
    },
  };
}

function createOrderServer(
  options: GrpcServerOptions,
  ended: AbortSignal,
  isDraining: () => boolean,
): Server {
  const { health, metrics, log } = options;
  const wires = createCallWires();
  const server = createServer({ ...SERVER_SETTINGS, interceptors: [wires.interceptor] }).use(
    createCallMiddleware({ ended, isDraining, wires, log, onCallEnded: metrics.callEnded }),
  );
  server.add(EncodedOrderStreamDefinition, createOrderStreamService({ ...options, wires }));
  server.add(HealthDefinition, HealthServiceImpl(health.state));
  addReflection(server, [EncodedOrderStreamDefinition.fullName, HealthDefinition.fullName]);
  return server;
}
