import { createServer, type ServerOptions } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import {
  addressText,
  createOpeningPart,
  type Logger,
  type Part,
  settleWithin,
  type WatchedCertificate,
} from '@order-events/runtime';
import { createWebCalls, type WebCallsOptions } from '../grpc/web-calls.ts';
import { type AnswerOptions, createWebAnswers } from './grpc-web-answers.ts';
import type { WebRequest, WebResponse } from './web-message.ts';

export interface GrpcWebServerOptions extends Omit<AnswerOptions, 'calls' | 'callsPort' | 'origins'> {
  /** Pages of these origins may call, besides those of this port. */
  readonly origins: ReadonlySet<string>;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Speaks TLS with it, and then HTTP/2 as well. */
  readonly certificate: WatchedCertificate | undefined;
  readonly calls: WebCallsOptions;
  readonly connections: {
    readonly maxStreams: number;
    readonly idleMs: number;
    readonly keepaliveMs: number;
  };
  readonly requestDeadlineMs: number;
  /** What is under way has so long to be sent to its end once it stops. */
  readonly stopMs: number;
  readonly log: Logger;
}

type Listener = (request: WebRequest, response: WebResponse) => void;

/** As of the gRPC port: all clients may come back at once. */
const BACKLOG = 4_096;
/** A client that has not agreed on keys by then is cut off. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections beyond the streams: between two requests, and to refuse. */
const CONNECTIONS_BESIDE_STREAMS = 1_000;
/** How often Node looks for requests that are late, a fraction of what they have. */
const LATE_CHECKS = 5;

/** The port for browsers. Stop it after the gRPC server, whose drain ends its streams as well. */
export function createGrpcWebServer(options: GrpcWebServerOptions): Part {
  const { host, certificate, log } = options;
  return createOpeningPart('gRPC-Web server', async () => {
    const calls = createWebCalls(options.calls);
    const origins = { listed: options.origins, isSecure: certificate !== undefined };
    const answer = createWebAnswers({ ...options, origins, calls, callsPort: await calls.listen() });
    const server = certificate
      ? createSecureWebServer(options, certificate, answer)
      : createServer(times(options), answer);
    server.maxConnections = options.maxStreams + CONNECTIONS_BESIDE_STREAMS;
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    try {
      await listen(server, host, options.port);
    } catch (error) {
      calls.close();
      throw error;
    }
    // The server's address is an object for every TCP server that listens.
    const { port } = server.address() as AddressInfo;
    const scheme = certificate ? 'https' : 'http';
    log.info({ name: 'grpcWeb', url: `${scheme}://${addressText({ host, port })}` }, 'listening');
    return async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await settleWithin(closed, options.stopMs);
      sockets.forEach((socket) => socket.destroy());
      calls.close();
      await closed;
    };
  });
}

/** Browsers speak HTTP/2 through TLS only. */
function createSecureWebServer(
  options: GrpcWebServerOptions,
  certificate: WatchedCertificate,
  answer: Listener,
): Http2SecureServer {
  const { connections } = options;
  const server = createSecureServer(
    {
      ...times(options),
      ...certificate.current(),
      allowHTTP1: true,
      requestCert: certificate.requiresClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: connections.maxStreams },
    },
    answer,
  );
  // Streams that it has go on.
  server.on('session', (session) => session.setTimeout(connections.idleMs, () => session.close()));
  server.once(
    'close',
    certificate.onChange((next) => server.setSecureContext(next)),
  );
  return server;
}

function times({ connections, requestDeadlineMs }: GrpcWebServerOptions): ServerOptions {
  return {
    headersTimeout: requestDeadlineMs,
    requestTimeout: requestDeadlineMs,
    connectionsCheckingInterval: Math.ceil(requestDeadlineMs / LATE_CHECKS),
    keepAlive: true,
    keepAliveInitialDelay: connections.keepaliveMs,
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
