import { errors, type JWTVerifyGetKey, jwtVerify, type JWTVerifyOptions } from 'jose';
import { AccessError, type RefusalReason } from './access-error.ts';
import type { KeySet } from './key-set.ts';
import type { TokenClaims } from './principal.ts';

/** What a token must be beside well signed. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
}

/** Checks tokens by something that may change: `basis` is the same value as long as a token that passed would pass again. */
export interface TokenVerifier {
  basis(): Promise<object>;
  /** Throws an AccessError. */
  claimsOf(token: string): Promise<TokenClaims>;
}

/** Clocks of hosts differ. */
const CLOCK_TOLERANCE_S = 5;

/** By the public keys of a set: what can be checked cannot be forged by whoever checks. */
export function createKeySetVerifier(keySet: KeySet, algorithms: string[], rules: TokenRules): TokenVerifier {
  const options = verifyOptions(algorithms, rules);

  async function claimsOf(token: string): Promise<TokenClaims> {
    const keys = await keySet.current();
    try {
      return await verifyByAny(token, keys.keyOf, options);
    } catch (error) {
      // Signed by a key that is newer than ours, or by none that there ever was.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusalOf(error);
      const newer = await keySet.newerThan(keys);
      if (newer === keys) throw refusalOf(error);
      return verifyByAny(token, newer.keyOf, options).catch((again: unknown) => {
        throw refusalOf(again);
      });
    }
  }

  return { basis: () => keySet.current(), claimsOf };
}

/** By a secret that issuer and verifier share. It is never mixed with public keys, which anybody could sign with as if with a secret. */
export function createSecretVerifier(secret: string, rules: TokenRules): TokenVerifier {
  const options = verifyOptions(['HS256'], rules);
  const key = new TextEncoder().encode(secret);
  const basis = {};
  return {
    basis: async () => basis,
    async claimsOf(token) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (error) {
        throw refusalOf(error);
      }
    },
  };
}

function verifyOptions(algorithms: string[], { issuer, audience }: TokenRules): JWTVerifyOptions {
  // Without `requiredClaims` a token that has no end would be good for ever.
  return { algorithms, issuer, audience, requiredClaims: ['exp', 'sub'], clockTolerance: CLOCK_TOLERANCE_S };
}

/** A token that does not say which key it is signed by may be by any of those that fit its algorithm. */
async function verifyByAny(
  token: string,
  keyOf: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<TokenClaims> {
  try {
    return (await jwtVerify(token, keyOf, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function refusalOf(error: unknown): AccessError {
  const { reason, message } = causeOf(error);
  return new AccessError('unauthenticated', reason, message);
}

function causeOf(error: unknown): { readonly reason: RefusalReason; readonly message: string } {
  if (error instanceof errors.JWTExpired) return { reason: 'expired', message: 'the token has expired' };
  if (error instanceof errors.JWTClaimValidationFailed) return claimFault(error);
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported
  ) {
    return {
      reason: 'signature',
      message: 'the token is not signed by a key, and in a way, that is trusted',
    };
  }
  // Whatever else a library makes of what a stranger sends is the stranger's fault; its words are not passed on.
  return { reason: 'malformed', message: 'the token is not a signed JSON Web Token' };
}

function claimFault({ claim }: errors.JWTClaimValidationFailed) {
  switch (claim) {
    case 'iss':
      return { reason: 'issuer', message: 'the token is of another issuer' } as const;
    case 'aud':
      return { reason: 'audience', message: 'the token is meant for another audience' } as const;
    case 'nbf':
      return { reason: 'not_yet_valid', message: 'the token is not valid yet' } as const;
    default:
      return { reason: 'claims', message: `the token's claim ${claim} is missing or wrong` } as const;
  }
}
