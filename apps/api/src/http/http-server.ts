import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  addressText,
  createOpeningPart,
  createSparingWarn,
  type Logger,
  type Part,
  type WatchedCertificate,
} from '@order-events/runtime';
import express, { type Express } from 'express';
import type { ApiMetrics } from '../api-metrics.ts';
import { OverloadedError } from '../orders/order-error.ts';
import type { OrderService } from '../orders/order-service.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { orderRoutes } from './order-routes.ts';
import { Problem, problemAnswerOf, problemHandler, problemOf } from './problem.ts';
import { observeRequests } from './request-observer.ts';
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
  /** What is not answered this long after the stop is cut off. */
  readonly drainMs: number;
  readonly service: OrderService;
  readonly metrics: Pick<ApiMetrics, 'requestDuration' | 'refused'>;
  readonly log: Logger;
}

/** A client that sends its request slower than this is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;

export function createHttpServer(options: HttpServerOptions): Part {
  const { host, port, drainMs, maxRequests, log } = options;
  const refuse = refuseRequests(options);
  const app = createExpressApp(options);
  const unanswered = new Set<ServerResponse>();
  const times = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: options.keepAliveMs };
  let draining = false;

  async function drain({ server, endHandshakes }: WebServer): Promise<void> {
    draining = true;
    // Closing takes no new connections and ends the idle ones; the others end with their answer.
    const closed = new Promise((resolve) => server.close(resolve));
    endHandshakes();
    unanswered.forEach(endConnectionAfter);
    const cutOff = setTimeout(() => {
      log.warn({ requests: unanswered.size }, 'requests cut off: not answered in time to stop');
      server.closeAllConnections();
    }, drainMs);
    await closed;
    clearTimeout(cutOff);
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
    await listen(server, host, port);
    // The server's address is an object for every TCP server that listens.
    const address = server.address() as AddressInfo;
    const url = `${scheme}://${addressText({ host, port: address.port })}`;
    log.info({ name: 'http', url }, 'listening');
    return () => drain(web);
  });
}

function createExpressApp({ service, metrics, log }: HttpServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  // Orders have their version as ETag; a hash of anything else would help nobody.
  app.disable('etag');
  app.use(traceRequests);
  app.use(observeRequests(metrics, log));
  app.use(openApiRoutes());
  app.use(orderRoutes(service));
  app.use((request) => {
    throw new Problem('route_not_found', `there is no ${request.path}; see /openapi.json`);
  });
  app.use(problemHandler(log));
  return app;
}

/** Without Express, which costs several times as much: whoever is refused must not hold up those who are not. */
function refuseRequests({ metrics, maxRequests, log }: HttpServerOptions): RequestListener {
  const warn = createSparingWarn(log);
  return (request, response) => {
    metrics.refused.inc();
    warn({ maxRequests }, 'requests refused: too many at once');
    const path = request.url?.split('?')[0] ?? '/';
    const { status, headers, body } = problemAnswerOf(problemOf(new OverloadedError()), path);
    response.writeHead(status, { ...headers, 'X-Request-Id': traceContextOf(request).traceId }).end(body);
  };
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
