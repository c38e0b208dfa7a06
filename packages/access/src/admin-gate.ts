import type { AdminAnswer } from '@order-events/runtime';
import type { Access } from './access.ts';
import { AccessError, type AccessErrorKind, type RefusalReason } from './access-error.ts';
import { singleAuthorization } from './bearer-token.ts';
import { type Principal, requireScope } from './principal.ts';

/** Told of each refusal; the principal is undefined where nobody knows who it was. */
export type OnAdminRefused = (principal: Principal | undefined, reason: RefusalReason) => void;

const ANSWERS: Readonly<Record<AccessErrorKind, Pick<AdminAnswer, 'status' | 'headers'>>> = {
  unauthenticated: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
  forbidden: { status: 403 },
  'keys-unavailable': { status: 503, headers: { 'retry-after': '2' } },
};

/**
 * Who may see the pages of an admin port: whoever has the scope orders:admin, and is not confined to a customer. Answers undefined for
 * them, and for others what to tell them.
 */
export function createAdminGate(
  access: Pick<Access, 'verify'>,
  onRefused: OnAdminRefused,
): (authorization: readonly string[]) => Promise<AdminAnswer | undefined> {
  return async (authorization) => {
    let principal: Principal | undefined;
    try {
      principal = await access.verify(singleAuthorization(authorization));
      requireScope(principal, 'orders:admin');
      if (principal.customerId === undefined) return undefined;
      throw new AccessError('forbidden', 'customer', 'this needs a token that is not of one customer');
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      onRefused(principal, error.reason);
      return {
        ...ANSWERS[error.kind],
        body: `${error.message}\n`,
        contentType: 'text/plain; charset=utf-8',
      };
    }
  };
}
