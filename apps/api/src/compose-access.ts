import { createAccess, createAdminGate, createPrincipalLimiter } from '@order-events/access';
import type { AdminServerOptions, Logger, Part } from '@order-events/runtime';
import type { ApiMetrics } from './api-metrics.ts';
import type { ApiConfig } from './config.ts';
import type { HttpServerOptions } from './http/http-server.ts';
import { createPageTokens } from './http/page-token.ts';

/** Who may do what here, and how much of it. */
export interface ApiAccess {
  readonly http: Pick<HttpServerOptions, 'access' | 'limits' | 'pageTokens'>;
  /** For the admin server; undefined where access control is off. */
  readonly refuse: AdminServerOptions['refuse'];
  readonly parts: readonly Part[];
}

const MINUTE_MS = 60_000;

export function createApiAccess(
  config: ApiConfig,
  metrics: Pick<ApiMetrics, 'accessRefused'>,
  log: Logger,
): ApiAccess {
  const access = createAccess(config, log);
  const limiter = (perMinute: number | undefined) =>
    perMinute === undefined ? undefined : createPrincipalLimiter(perMinute, MINUTE_MS);
  const limits = {
    requests: limiter(config.API_REQUESTS_PER_MINUTE),
    writes: limiter(config.API_WRITES_PER_MINUTE),
  };
  const http = { access, limits, pageTokens: createPageTokens(config.API_PAGE_TOKEN_SECRET) };
  if (!access) return { http, refuse: undefined, parts: [] };
  const refuse = createAdminGate(access, log, (reason) => metrics.accessRefused.inc({ reason }));
  return { http, refuse, parts: [access] };
}
