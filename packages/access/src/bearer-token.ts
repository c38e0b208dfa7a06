import { AccessError } from './access-error.ts';

/** RFC 6750: the scheme in any case, then the token in one piece. */
const BEARER = /^bearer +(?<token>[\w.~+/-]+=*)$/i;
const MAX_TOKEN_LENGTH = 8192;

/** The one Authorization header of a request. Of two, a proxy and we might each look at another, so they are refused. */
export function singleAuthorization(values: readonly string[] | undefined): string | undefined {
  if (values !== undefined && values.length > 1) {
    throw new AccessError('unauthenticated', 'malformed', 'there must be one Authorization header only');
  }
  return values?.[0];
}

/** The token of an Authorization header. */
export function bearerTokenOf(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new AccessError('unauthenticated', 'missing', 'this needs an Authorization header: Bearer <token>');
  }
  const token = BEARER.exec(authorization)?.groups?.['token'];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    const right = `Bearer <token>, a token of at most ${MAX_TOKEN_LENGTH} characters`;
    throw new AccessError('unauthenticated', 'malformed', `the Authorization header must be ${right}`);
  }
  return token;
}
