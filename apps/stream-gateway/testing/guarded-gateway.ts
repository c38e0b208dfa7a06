import type { TestContext } from 'node:test';
import type { ConnectionOptions } from '@order-events/order-stream';
import { startTokenIssuer, type TestClaims, type TokenIssuer } from '../../../test/harness/token-issuer.ts';
import { startGateway, type TestGateway } from './gateway-app.ts';

/** Whom tokens of tests are of. */
export const WATCHER = { sub: 'watcher', scope: 'orders:watch' } as const;
export const CONSUMER = { sub: 'consumer', scope: 'orders:consume', subscriptions: ['team-a.*'] } as const;
export const ADMIN = { sub: 'admin', scope: 'orders:admin' } as const;

/** A gateway that lets in who has a token of the issuer. */
export interface GuardedGateway extends TestGateway {
  readonly issuer: TokenIssuer;
  /** How somebody with these claims connects. */
  as(claims: TestClaims): Promise<ConnectionOptions & { readonly metadata: { authorization: string } }>;
}

export const TOKEN_SECRET = 'a secret of the test, long enough';

/** Keys are read and tokens verified anew each second, so that tests need not wait. */
export async function startGuardedGateway(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<GuardedGateway> {
  const issuer = await startTokenIssuer(t);
  const settings = {
    ...issuer.settings,
    ACCESS_JWKS_REFRESH_MS: '1000',
    ACCESS_JWKS_COOLDOWN_MS: '100',
    GATEWAY_ACCESS_CHECK_MS: '1000',
    GATEWAY_TOKEN_SECRET: TOKEN_SECRET,
    ...env,
  };
  const gateway = await startGateway(t, settings, () => issuer.authorization(ADMIN));
  return {
    ...gateway,
    issuer,
    as: async (claims) => ({ metadata: { authorization: await issuer.authorization(claims) } }),
  };
}

/** The time so many milliseconds from now, as tokens tell it. */
export function inMs(ms: number): number {
  return (Date.now() + ms) / 1000;
}
