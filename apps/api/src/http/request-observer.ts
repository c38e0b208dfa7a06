import type { RequestHandler } from 'express';
import type { Logger } from '@order-events/runtime';
import type { ApiMetrics } from '../api-metrics.ts';

/** One log line and one measurement for each answered request; routes are patterns, so that ids do not become labels. */
export function observeRequests(metrics: Pick<ApiMetrics, 'requestDuration'>, log: Logger): RequestHandler {
  return (request, response, next) => {
    const startedMs = performance.now();
    response.once('close', () => {
      const durationMs = performance.now() - startedMs;
      // Set by the router that answered.
      const route: unknown = request.route?.path;
      const labels = {
        method: request.method,
        route: typeof route === 'string' ? route : 'unknown',
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      };
      metrics.requestDuration.observe(labels, durationMs / 1000);
      const requestId = response.get('X-Request-Id');
      log.info({ ...labels, durationMs: Math.round(durationMs * 10) / 10, requestId }, 'request');
    });
    next();
  };
}
