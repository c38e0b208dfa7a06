import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export const TEST_ISSUER = 'https://issuer.test';
export const TEST_AUDIENCE = 'order-events';

/** What a token claims; `exp` in seconds, one hour from now unless it is told. `null` leaves a claim out. */
export type TestClaims = Readonly<Record<string, unknown>>;

export interface TokenIssuer {
  readonly jwksUrl: string;
  /** Settings that make an app take this issuer's tokens. */
  readonly settings: Readonly<Record<string, string>>;
  /** A token, signed by the newest key; `sub` is `tester` unless it is told. */
  token(claims?: TestClaims): Promise<string>;
  /** The same as the value of an Authorization header. */
  authorization(claims?: TestClaims): Promise<string>;
  /** Signs with a new key from now on; the former ones stay good. */
  rotate(): Promise<void>;
  /** No key but the newest is good any more. */
  revokeFormer(): void;
  /** How often its keys were asked for. */
  fetches(): number;
  /** Stops answering, and refuses connections, until `comeBack`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** The newest key as a JWK, public half. */
  publicKey(): JWK;
  /** The key set as it is served. */
  keySet(): { keys: JWK[] };
  /** Serves this instead of the key set, with a status; undefined ends that. */
  serve(instead: { readonly status: number; readonly body: string } | undefined): void;
}

interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** An issuer of tokens, with its keys at an HTTP address until the test is over. */
export async function startTokenIssuer(t: Pick<TestContext, 'after'>): Promise<TokenIssuer> {
  let keys = [await newKey(1)];
  let made = 1;
  let fetches = 0;
  let instead: { readonly status: number; readonly body: string } | undefined;

  function answer(response: ServerResponse): void {
    fetches += 1;
    const { status, body } = instead ?? { status: 200, body: JSON.stringify(keySet()) };
    response.writeHead(status, { 'content-type': 'application/jwk-set+json' }).end(body);
  }
  const keySet = () => ({ keys: keys.map(({ jwk }) => jwk) });
  let server = await listen(0, answer);
  const { port } = server.address() as AddressInfo;
  t.after(() => close(server));

  const newest = () => keys.at(-1)!;
  async function token(claims: TestClaims = {}): Promise<string> {
    const nowS = Math.floor(Date.now() / 1000);
    const all = {
      iss: TEST_ISSUER,
      aud: TEST_AUDIENCE,
      sub: 'tester',
      iat: nowS,
      exp: nowS + 3600,
      ...claims,
    };
    const told = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
    const { privateKey, jwk } = newest();
    return new SignJWT(told).setProtectedHeader({ alg: 'ES256', kid: jwk.kid! }).sign(privateKey);
  }

  const jwksUrl = `http://127.0.0.1:${port}/jwks.json`;
  return {
    jwksUrl,
    settings: {
      ACCESS_CONTROL: 'jwt',
      ACCESS_ISSUER: TEST_ISSUER,
      ACCESS_AUDIENCE: TEST_AUDIENCE,
      ACCESS_JWKS_URL: jwksUrl,
    },
    token,
    authorization: async (claims) => `Bearer ${await token(claims)}`,
    async rotate() {
      keys = [...keys, await newKey((made += 1))];
    },
    revokeFormer: () => void (keys = [newest()]),
    fetches: () => fetches,
    goAway: () => close(server),
    async comeBack() {
      server = await listen(port, answer);
    },
    publicKey: () => newest().jwk,
    keySet,
    serve: (what) => void (instead = what),
  };
}

async function newKey(number: number): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return {
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid: `key-${number}`, use: 'sig', alg: 'ES256' },
  };
}

async function listen(port: number, answer: (response: ServerResponse) => void): Promise<Server> {
  const server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
