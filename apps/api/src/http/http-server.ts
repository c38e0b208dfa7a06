import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger, Part } from '@order-events/runtime';
import express, { type Express } from 'express';
import type { ApiMetrics } from '../api-metrics.ts';
import type { OrderService } from '../orders/order-service.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { orderRoutes } from './order-routes.ts';
import { Problem, problemHandler } from './problem.ts';
import { observeRequests } from './request-observer.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly service: OrderService;
  readonly metrics: Pick<ApiMetrics, 'requestDuration'>;
  readonly log: Logger;
}

const MAX_BODY = '512kb';
/** A client that sends its request slower than this is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
/** What is not answered this long after the stop is cut off. */
const DRAIN_MS = 5_000;

export function createHttpServer(options: HttpServerOptions): Part {
  const { host, port, log } = options;
  let server: Server | undefined;
  return {
    name: 'HTTP server',
    async start() {
      const created = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, createExpressApp(options));
      server = created;
      await new Promise<void>((resolve, reject) => {
        created.once('error', reject);
        created.listen(port, host, resolve);
      });
      // The server's address is an object for every TCP server that listens.
      const address = created.address() as AddressInfo;
      log.info({ name: 'http', url: `http://${host}:${address.port}` }, 'listening');
    },
    async stop() {
      const closing = server;
      if (!closing?.listening) return;
      // Idle connections are closed at once, busy ones after their answer.
      const closed = new Promise((resolve) => closing.close(resolve));
      const cutOff = setTimeout(() => closing.closeAllConnections(), DRAIN_MS);
      await closed;
      clearTimeout(cutOff);
    },
  };
}

function createExpressApp({ service, metrics, log }: HttpServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(observeRequests(metrics, log));
  app.use(express.json({ limit: MAX_BODY }));
  app.use(openApiRoutes());
  app.use(orderRoutes(service));
  app.use((request) => {
    throw new Problem('route_not_found', `there is no ${request.path}; see /openapi.json`);
  });
  app.use(problemHandler(log));
  return app;
}
