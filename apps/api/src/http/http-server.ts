import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Access } from '@order-events/access';
import {
  addressText,
  createOpeningPart,
  createSparingWarn,
  type Logger,
  type Part,
  sleep,
  type Tracing,
  type WatchedCertificate,
} from '@order-events/runtime';
import express, { type Express } from 'express';
import type { ApiMetrics } from '../api-metrics.ts';
import { OverloadedError } from '../orders/order-error.ts';
import type { OrderService } from '../orders/order-service.ts';
import { apiReference } from './api-reference.ts';
import { authenticateRequests, type RequestLimits } from './authentication.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { orderImportRoute } from './order-import-route.ts';
import { orderRoutes } from './order-routes.ts';
import { createPageTokens, type PageTokens } from './page-token.ts';
import { problemPage } from './problem-page.ts';
import { Problem, problemAnswerOf, problemHandler, problemOf } from './problem.ts';
import { answerParserErrors } from './parser-problems.ts';
import { auditRefusals } from './refusal-audit.ts';
import { observeRequests } from './request-observer.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { traceContextOf, traceRequests } from './trace-context.ts';
import { createWebServer, type WebServer } from './web-server.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Speaks TLS with it. */
  readonly certificate?: WatchedCertificate | undefined;
  /** How long a connection without a request stays open. */
  readonly keepAliveMs: number;
  /** So many requests are answered at once. */
  readonly maxRequests: number;
  /** Headers, and whole requests, that take longer to arrive are answered 408. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  /** It goes on for so long when it is told to stop: whoever looks at readiness must see it first. */
  readonly drainDelayMs: number;
  /** What is not answered this long after that is cut off. */
  readonly drainMs: number;
  /** Whether /docs is served. */
  readonly docs: boolean;
  readonly service: OrderService;
  /** Undefined lets everybody do everything. */
  readonly access?: Access | undefined;
  readonly limits?: RequestLimits | undefined;
  readonly pageTokens?: PageTokens | undefined;
  /** Undefined makes no spans. */
  readonly tracing?: Tracing | undefined;
  readonly metrics: Pick<ApiMetrics, 'requestDuration' | 'refused' | 'accessRefused'>;
  readonly log: Logger;
}

/** How often Node looks for requests that are late, a fraction of what they have. */
const LATE_CHECKS = 5;
/** Once it stops, a request that was begun has so long to arrive. */
const UNSENT_GRACE_MS = 1_000;

const SECURITY_HEADER_MAP = new Map(Object.entries(SECURITY_HEADERS));
const NO_LIMITS: RequestLimits = { requests: undefined, writes: undefined };

export function createHttpServer(options: HttpServerOptions): Part {
  const { host, port, drainMs, maxRequests, log } = options;
  const refuse = refuseRequests(options);
  const app = createExpressApp(options);
  const unanswered = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const times = {
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    connectionsCheckingInterval: Math.ceil(options.headersTimeoutMs / LATE_CHECKS),
    keepAliveTimeout: options.keepAliveMs,
  };
  let draining = false;

  async function drain({ server, endHandshakes }: WebServer): Promise<void> {
    await sleep(options.drainDelayMs);
    draining = true;
    // Closing takes no new connections and ends the idle ones; the others end with their answer.
    const closed = new Promise((resolve) => server.close(resolve));
    endHandshakes();
    unanswered.forEach(endConnectionAfter);
    const cutOff = setTimeout(() => {
      log.warn({ requests: unanswered.size }, 'requests cut off: not answered in time to stop');
      server.closeAllConnections();
    }, drainMs);
    // Who never sends a whole request holds up nothing.
    const unsent = setTimeout(() => endUnsent(sockets, unanswered), Math.min(UNSENT_GRACE_MS, drainMs / 2));
    await closed;
    clearTimeout(cutOff);
    clearTimeout(unsent);
  }

  return createOpeningPart('HTTP server', async () => {
    const web = createWebServer(times, options.certificate, (request, response) => {
      if (draining) endConnectionAfter(response);
      if (unanswered.size >= maxRequests) return refuse(request, response);
      unanswered.add(response);
      response.once('close', () => unanswered.delete(response));
      app(request, response);
    });
    const { server, scheme } = web;
    server.maxConnections = options.maxConnections;
    // Whoever has sent all that it wants to send may say so, and still gets its answer.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on(scheme === 'http' ? 'connection' : 'secureConnection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('checkExpectation', (request, response) =>
      answerProblem(
        request,
        response,
        new Problem('expectation_failed', 'only 100-continue can be expected'),
      ),
    );
    answerParserErrors(server, (socket) =>
      [...unanswered].some((response) => response.socket === socket && response.headersSent),
    );
    await listen(server, host, port);
    // The server's address is an object for every TCP server that listens.
    const address = server.address() as AddressInfo;
    const url = `${scheme}://${addressText({ host, port: address.port })}`;
    log.info({ name: 'http', url }, 'listening');
    return () => drain(web);
  });
}

/** Without a port. */
export function createExpressApp(
  options: Pick<
    HttpServerOptions,
    'service' | 'metrics' | 'log' | 'access' | 'limits' | 'pageTokens' | 'tracing' | 'docs'
  >,
): Express {
  const {
    service,
    metrics,
    log,
    access,
    limits = NO_LIMITS,
    pageTokens = createPageTokens(),
    tracing,
    docs,
  } = options;
  const app = express();
  app.disable('x-powered-by');
  // Orders have their version as ETag; a hash of anything else would help nobody.
  app.disable('etag');
  app.use((_request, response, next) => {
    response.setHeaders(SECURITY_HEADER_MAP);
    next();
  });
  app.use(traceRequests(tracing));
  app.use(observeRequests(metrics, log));
  app.use(openApiRoutes());
  app.use(problemPage());
  if (docs) app.use(apiReference());
  // What is above describes the API and is for everybody; nothing below is.
  app.use(authenticateRequests(access, limits));
  app.use(orderRoutes(service, pageTokens));
  app.use(orderImportRoute(service));
  app.use((request) => {
    throw new Problem('route_not_found', `there is no ${request.path}; see /openapi.json`);
  });
  app.use(auditRefusals(metrics, log));
  app.use(problemHandler(log));
  return app;
}

/** Without Express, which costs several times as much: whoever is refused must not hold up those who are not. */
function refuseRequests({ metrics, maxRequests, log }: HttpServerOptions): RequestListener {
  const warn = createSparingWarn(log);
  return (request, response) => {
    metrics.refused.inc();
    warn({ maxRequests }, 'requests refused: too many at once');
    answerProblem(request, response, problemOf(new OverloadedError()));
  };
}

function answerProblem(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const { traceId } = traceContextOf(request);
  const instance = request.url?.split('?')[0] ?? '/';
  const { status, headers, body } = problemAnswerOf(problem, { instance, traceId });
  const about = { 'X-Request-Id': traceId, 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...SECURITY_HEADERS, ...headers, ...about }).end(body);
}

function endUnsent(sockets: ReadonlySet<Socket>, unanswered: ReadonlySet<ServerResponse>): void {
  const atWork = new Set([...unanswered].filter(({ req }) => req.complete).map(({ socket }) => socket));
  for (const socket of sockets) if (!atWork.has(socket)) socket.destroy();
}

/** Told so, a client does not send its next request on a connection that is about to end. */
function endConnectionAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
