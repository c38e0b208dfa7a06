import {
  type Access,
  AccessError,
  limitKeyOf,
  type PrincipalLimiter,
  singleAuthorization,
} from '@order-events/access';
import type { Request, RequestHandler } from 'express';
import { Problem } from './problem.ts';
import { principalOf, setPrincipal } from './request-caller.ts';

/** How much one principal may ask for; without one it is the network that the request comes from. */
export interface RequestLimits {
  readonly requests: PrincipalLimiter | undefined;
  /** Requests that change something, which count among the others too. */
  readonly writes: PrincipalLimiter | undefined;
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Finds out whose request it is, and counts it. Throws an AccessError for whoever has no token that holds, after counting that as well:
 * guessing has its limit.
 */
export function authenticateRequests(access: Access | undefined, limits: RequestLimits): RequestHandler {
  return async (request, _response, next) => {
    try {
      if (access) setPrincipal(request, await access.verify(authorizationOf(request)));
    } catch (error) {
      if (error instanceof AccessError && error.kind === 'unauthenticated') await count(request, limits);
      throw error;
    }
    await count(request, limits);
    next();
  };
}

function authorizationOf(request: Request): string | undefined {
  // Node keeps the first of two in `headers`, and tells nobody.
  return singleAuthorization(request.headersDistinct['authorization']);
}

async function count(request: Request, { requests, writes }: RequestLimits): Promise<void> {
  const key = limitKeyOf(principalOf(request), request.socket.remoteAddress);
  const waitMs =
    (await requests?.take(key)) ?? (READS.has(request.method) ? undefined : await writes?.take(key));
  if (waitMs === undefined) return;
  const headers = { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1000))) };
  throw new Problem('too_many_requests', 'more was asked for than this caller may: come back later', {
    headers,
  });
}
