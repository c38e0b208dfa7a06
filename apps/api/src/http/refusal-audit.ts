import { AccessError } from '@order-events/access';
import type { Logger } from '@order-events/runtime';
import type { ErrorRequestHandler } from 'express';
import type { ApiMetrics } from '../api-metrics.ts';
import { accessProblem } from './access-problem.ts';
import { Problem } from './problem.ts';
import { principalOf } from './request-caller.ts';

/** Longest action that is told: a path can be as long as a header. */
const MAX_ACTION_LENGTH = 100;

/**
 * Counts each refused call and leaves a line of it, with whose it was, before it is answered: no token, no address, no query, nothing of
 * an order but the id that was asked for. What a limit refuses is counted only, or it would fill the log.
 */
export function auditRefusals(
  metrics: Pick<ApiMetrics, 'accessRefused'>,
  log: Pick<Logger, 'info'>,
): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (error instanceof Problem && error.code === 'too_many_requests') {
      metrics.accessRefused.inc({ reason: 'limit' });
    }
    if (!(error instanceof AccessError)) return next(error);
    const { reason } = error;
    metrics.accessRefused.inc({ reason });
    const action = `${request.method} ${request.path}`.slice(0, MAX_ACTION_LENGTH);
    const subject = principalOf(request)?.subject;
    const requestId = response.get('X-Request-Id');
    log.info({ audit: { subject, action, outcome: 'refused', reason }, requestId }, 'audit');
    next(accessProblem(error));
  };
}
