import type { Logger } from '@order-events/runtime';
import type { ApiConfig } from '../../apps/api/src/config.ts';
import { createHttpServer, type HttpServerOptions } from '../../apps/api/src/http/http-server.ts';
import { findFreePort } from '../stack/index.ts';

/** Starts the API's HTTP server at any free port, until this process ends. Answers its URL. */
export async function startOrderApiServer(
  config: ApiConfig,
  way: Pick<HttpServerOptions, 'service' | 'access' | 'tracing' | 'metrics'> & { readonly log: Logger },
): Promise<string> {
  const [host, port] = [config.API_HOST, await findFreePort()];
  const limits = {
    keepAliveMs: config.API_KEEP_ALIVE_MS,
    drainMs: 0,
    drainDelayMs: 0,
    maxRequests: config.API_MAX_REQUESTS,
    maxConnections: config.API_MAX_CONNECTIONS,
    headersTimeoutMs: config.API_HEADERS_TIMEOUT_MS,
    requestTimeoutMs: config.API_REQUEST_TIMEOUT_MS,
    docs: false,
  };
  await createHttpServer({ host, port, ...limits, ...way }).start(new AbortController().signal);
  return `http://${host}:${port}`;
}
