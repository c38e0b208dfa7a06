import type { AdminAnswer, Logger } from '@order-events/runtime';
import type { Access } from './access.ts';
import { AccessError, type AccessErrorKind, type RefusalReason } from './access-error.ts';
import { singleAuthorization } from './bearer-token.ts';
import { type Principal, requireScope } from './principal.ts';

const ANSWERS: Readonly<Record<AccessErrorKind, Pick<AdminAnswer, 'status' | 'headers'>>> = {
  unauthenticated: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
  forbidden: { status: 403 },
  'keys-unavailable': { status: 503, headers: { 'retry-after': '2' } },
};

/**
 * Who may see the pages of an admin port: whoever has the scope orders:admin, and is not confined to a customer. Answers undefined for
 * them, and for others what to tell them; each refusal is in the audit, and `onRefused` is told of it.
 */
export function createAdminGate(
  access: Pick<Access, 'verify'>,
  log: Pick<Logger, 'info'>,
  onRefused: (reason: RefusalReason) => void = () => {},
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
      const { reason } = error;
      const audit = { subject: principal?.subject, action: 'admin page', outcome: 'refused', reason };
      log.info({ audit }, 'audit');
      onRefused(reason);
      return {
        ...ANSWERS[error.kind],
        body: `${error.message}\n`,
        contentType: 'text/plain; charset=utf-8',
      };
    }
  };
}
