import { hash } from 'node:crypto';
import { createClosingPart, createRunningPart, type Logger, type Part } from '@order-events/runtime';
import type { AccessSettings } from './access-settings.ts';
import { bearerTokenOf } from './bearer-token.ts';
import { keysOfFile, keysOfUrl } from './key-document-source.ts';
import { createKeySet, type KeySet } from './key-set.ts';
import { type Principal, principalOf } from './principal.ts';
import { createKeySetVerifier, createSecretVerifier, type TokenVerifier } from './token-verifier.ts';

/** Decides who somebody is; a part, because it keeps the issuer's keys fresh. */
export interface Access extends Part {
  /**
   * Whose token an Authorization header has. The same token again costs a hash, and is refused once its key is revoked or it has
   * expired. Throws an AccessError.
   */
  verify(authorization: string | undefined): Promise<Principal>;
  /** Age of the keys that tokens are checked by; undefined while there are none, and where there is a secret instead. */
  keysAgeMs(): number | undefined;
}

const PART_NAME = 'access';
/** Tokens that were checked are remembered up to so many; the one that came first is forgotten, and checked in full the next time. */
const MAX_REMEMBERED = 10_000;

/** Undefined, with a warning, when access control is off. The settings are those that `accessFaults` found nothing wrong with. */
export function createAccess(settings: AccessSettings, log: Pick<Logger, 'warn'>): Access | undefined {
  if (settings.ACCESS_CONTROL !== 'jwt') {
    log.warn({}, 'access control is off: whoever reaches this process may do everything (ACCESS_CONTROL)');
    return undefined;
  }
  const rules = { issuer: needed(settings, 'ACCESS_ISSUER'), audience: needed(settings, 'ACCESS_AUDIENCE') };
  if (settings.ACCESS_SECRET !== undefined) {
    const verify = rememberTokens(createSecretVerifier(settings.ACCESS_SECRET, rules));
    return { ...createClosingPart(PART_NAME, () => {}), verify, keysAgeMs: () => undefined };
  }
  const keySet = keySetOf(settings, log);
  const verify = rememberTokens(createKeySetVerifier(keySet, settings.ACCESS_ALGORITHMS, rules));
  return { ...createRunningPart(PART_NAME, (signal) => keySet.run(signal)), verify, keysAgeMs: keySet.ageMs };
}

/** What was found out about a token holds until it expires or what it was checked by changes. */
function rememberTokens(verifier: TokenVerifier): Access['verify'] {
  const remembered = new Map<string, { readonly principal: Principal; readonly basis: object }>();
  return async (authorization) => {
    const token = bearerTokenOf(authorization);
    // Not the token itself: a copy of this memory lets nobody in.
    const digest = hash('sha256', token, 'base64');
    const basis = await verifier.basis();
    const known = remembered.get(digest);
    if (known?.basis === basis && Date.now() < known.principal.expiresAtMs) return known.principal;
    remembered.delete(digest);
    const principal = principalOf(await verifier.claimsOf(token));
    if (remembered.size >= MAX_REMEMBERED) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest);
        break;
      }
    }
    // Keys that were read meanwhile are another basis, and the token is checked in full once more.
    remembered.set(digest, { principal, basis });
    return principal;
  };
}

function keySetOf(settings: AccessSettings, log: Pick<Logger, 'warn'>): KeySet {
  const { ACCESS_JWKS_URL: url } = settings;
  return createKeySet({
    source: url === undefined ? keysOfFile(needed(settings, 'ACCESS_JWKS_FILE')) : keysOfUrl(url),
    refreshMs: settings.ACCESS_JWKS_REFRESH_MS,
    cooldownMs: settings.ACCESS_JWKS_COOLDOWN_MS,
    keptMs: settings.ACCESS_JWKS_KEPT_MS,
    timeoutMs: settings.ACCESS_JWKS_TIMEOUT_MS,
    log,
  });
}

function needed(
  settings: AccessSettings,
  name: 'ACCESS_ISSUER' | 'ACCESS_AUDIENCE' | 'ACCESS_JWKS_FILE',
): string {
  const value = settings[name];
  if (value === undefined) throw new Error(`${name} is not set: the settings were not checked`);
  return value;
}
