import type { TestContext } from 'node:test';
import { startTokenIssuer, type TestClaims } from '../../../test/harness/token-issuer.ts';
import { createOrderClient, startApi } from './order-client.ts';

export const ALL_SCOPES = 'orders:read orders:write orders:watch orders:consume orders:admin';

/** An API process with access control, and clients of it by what their tokens claim. */
export async function startGuardedApi(t: TestContext, env: Record<string, string> = {}) {
  const issuer = await startTokenIssuer(t);
  const settings = { ...issuer.settings, API_PAGE_TOKEN_SECRET: 'known to all replicas of this test' };
  const api = await startApi(t, { ...settings, ...env });
  const url = api.api.urls.http;
  return {
    ...api,
    issuer,
    url,
    /** Sends no token. */
    stranger: createOrderClient(url),
    clientOf: async (claims: TestClaims) => createOrderClient(url, await issuer.authorization(claims)),
    customer: async (customerId: string) =>
      createOrderClient(
        url,
        await issuer.authorization({ sub: `shop-${customerId}`, customer_id: customerId, scope: ALL_SCOPES }),
      ),
  };
}
