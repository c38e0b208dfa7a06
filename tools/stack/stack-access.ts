import { randomBytes } from 'node:crypto';
import { startTokenIssuer } from '../../test/harness/token-issuer.ts';

/** Access control of a stack on this machine. */
export interface StackAccess {
  /** What the apps are told of it. */
  readonly env: Readonly<Record<string, string>>;
  /** A token of somebody who may do everything. */
  token(): Promise<string>;
  stop(): Promise<void>;
}

const ALL_SCOPES = 'orders:read orders:write orders:watch orders:consume orders:admin';
const TOKEN_AGE_MS = 30 * 60_000;

/** An issuer of tokens, and secrets for as long as it runs: as `ACCESS_CONTROL=jwt` asks for, else undefined. */
export async function startStackAccess(
  accessControl = process.env['ACCESS_CONTROL'],
): Promise<StackAccess | undefined> {
  if (accessControl !== 'jwt') return undefined;
  const cleanUps: (() => unknown)[] = [];
  const issuer = await startTokenIssuer({ after: (cleanUp) => void cleanUps.push(cleanUp as () => unknown) });
  const secret = () => randomBytes(32).toString('base64');
  let known: { readonly token: Promise<string>; readonly sinceMs: number } | undefined;
  return {
    env: { ...issuer.settings, API_PAGE_TOKEN_SECRET: secret(), GATEWAY_TOKEN_SECRET: secret() },
    token() {
      const nowMs = performance.now();
      if (!known || nowMs - known.sinceMs > TOKEN_AGE_MS) {
        known = {
          token: issuer.token({ scope: ALL_SCOPES, subscriptions: ['*'], sub: 'developer' }),
          sinceMs: nowMs,
        };
      }
      return known.token;
    },
    async stop() {
      for (const cleanUp of cleanUps) await cleanUp();
    },
  };
}
