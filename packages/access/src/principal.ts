import { isPossibleId, MAX_CUSTOMER_ID_LENGTH } from '@order-events/domain/external-id';
import { AccessError } from './access-error.ts';

export const SCOPES = [
  'orders:read',
  'orders:write',
  'orders:watch',
  'orders:consume',
  'orders:admin',
] as const;

export type Scope = (typeof SCOPES)[number];

/** Whoever makes a request, as its token says. */
export interface Principal {
  readonly subject: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Everything this principal does is confined to the orders of this customer. */
  readonly customerId: string | undefined;
  /** Subscriptions that it owns: names, or prefixes that end in `*`. */
  readonly subscriptions: readonly string[];
  readonly expiresAtMs: number;
}

/** What is claimed by a token whose signature, issuer, audience and times hold. */
export interface TokenClaims {
  readonly sub?: unknown;
  readonly exp?: unknown;
  readonly scope?: unknown;
  readonly customer_id?: unknown;
  readonly subscriptions?: unknown;
}

/** Subjects are keys of the database's and of limits. */
const MAX_SUBJECT_LENGTH = 200;

/**
 * Reads the claims. A claim that cannot be understood refuses the token, and is never taken for one that is missing: a token whose
 * `customer_id` is null must not become one that sees every customer.
 */
export function principalOf(claims: TokenClaims): Principal {
  const { sub, exp, customer_id: customerId } = claims;
  if (!isId(sub, MAX_SUBJECT_LENGTH)) throw faulty('sub', `text of 1 to ${MAX_SUBJECT_LENGTH} characters`);
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw faulty('exp', 'a number of seconds');
  if (customerId !== undefined && !isId(customerId, MAX_CUSTOMER_ID_LENGTH)) {
    throw faulty('customer_id', `absent, or text of 1 to ${MAX_CUSTOMER_ID_LENGTH} characters`);
  }
  const named = new Set(words('scope', claims.scope));
  return {
    subject: sub,
    // Other services have scopes of their own.
    scopes: new Set(SCOPES.filter((scope) => named.has(scope))),
    customerId,
    subscriptions: words('subscriptions', claims.subscriptions),
    expiresAtMs: exp * 1000,
  };
}

/** Throws an AccessError when the principal may not do what needs this scope. Without a principal access control is off. */
export function requireScope(principal: Principal | undefined, scope: Scope): void {
  if (principal && !principal.scopes.has(scope)) {
    throw new AccessError('forbidden', 'scope', `this needs a token with the scope ${scope}`);
  }
}

/** Whether a subscription is this principal's. */
export function coversSubscription(principal: Principal, name: string): boolean {
  return principal.subscriptions.some((owned) =>
    owned.endsWith('*') ? name.startsWith(owned.slice(0, -1)) : name === owned,
  );
}

/** Space-separated text, as OAuth 2.0 has scopes, or a list of texts. */
function words(claim: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const list: unknown = typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : value;
  if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list;
  throw faulty(claim, 'space-separated text or a list of texts');
}

/** A blank one is a fault of the issuer's, though an order of old may have it. */
function isId(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && isPossibleId(value, maxLength);
}

function faulty(claim: string, right: string): AccessError {
  return new AccessError('unauthenticated', 'claims', `the token's claim ${claim} must be ${right}`);
}
