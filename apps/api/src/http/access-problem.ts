import type { AccessError } from '@order-events/access';
import { Problem } from './problem.ts';

/** When to try again, in seconds, where the issuer's keys are away. */
const KEYS_RETRY_AFTER = '2';

/** A refusal as an answer; what a client has to do about it stands in `WWW-Authenticate` (RFC 6750). */
export function accessProblem({ kind, reason, message }: AccessError): Problem {
  switch (kind) {
    case 'unauthenticated':
      return new Problem('unauthenticated', message, { headers: challenge(reason) });
    case 'forbidden':
      return new Problem('forbidden', message, {
        headers: reason === 'scope' ? { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' } : {},
      });
    case 'keys-unavailable':
      return new Problem('keys_unavailable', message, { headers: { 'Retry-After': KEYS_RETRY_AFTER } });
  }
}

function challenge(reason: AccessError['reason']): Record<string, string> {
  // Whoever sent no token is told that one is wanted, and of no error.
  if (reason === 'missing') return { 'WWW-Authenticate': 'Bearer' };
  const error = reason === 'malformed' ? 'invalid_request' : 'invalid_token';
  return { 'WWW-Authenticate': `Bearer error="${error}"` };
}
