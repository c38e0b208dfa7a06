import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { AppName } from '../../tools/stack/index.ts';
import { createTestFolder } from './test-folder.ts';

/**
 * Whether the apps that a test starts let in only who has a token: those of an end-to-end test do, as in production, and others
 * say so themselves. `TEST_ACCESS_CONTROL` decides otherwise.
 */
export const TEST_ACCESS_CONTROL =
  process.env['TEST_ACCESS_CONTROL'] ?? (process.argv[1]?.endsWith('.e2e.test.ts') ? 'jwt' : 'off');

/** Of everything that a test file starts, also of processes that it starts again. */
const SECRET = randomBytes(32).toString('hex');
const ISSUER = 'https://issuer.test';
const AUDIENCE = 'order-events';
const SCOPE = 'orders:read orders:write orders:watch orders:consume orders:admin';
/** Longer than any test file runs. */
const AGE_S = 24 * 3600;

const ACCESS = {
  ACCESS_CONTROL: 'jwt',
  ACCESS_ISSUER: ISSUER,
  ACCESS_AUDIENCE: AUDIENCE,
  ACCESS_SECRET: SECRET,
};
const SETTINGS: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> = {
  api: { ...ACCESS, API_PAGE_TOKEN_SECRET: SECRET },
  relay: ACCESS,
  'stream-gateway': { ...ACCESS, GATEWAY_TOKEN_SECRET: SECRET },
};

/** A token of somebody who may do everything; undefined where access control is off. */
export const TEST_TOKEN = TEST_ACCESS_CONTROL === 'jwt' ? signToken() : undefined;

/** The headers of a request to an app of the test, or of its admin port. */
export const TEST_HEADERS: Readonly<Record<string, string>> =
  TEST_TOKEN === undefined ? {} : { authorization: `Bearer ${TEST_TOKEN}` };

/** The option of clients of a gateway. */
export const TEST_CLIENT: { readonly token?: () => Promise<string> } =
  TEST_TOKEN === undefined ? {} : { token: async () => TEST_TOKEN };

/** Settings of an app with access control, where a test does not say itself how that is. */
export function accessEnv(name: AppName, env: Readonly<Record<string, string>>): Record<string, string> {
  return TEST_TOKEN === undefined || 'ACCESS_CONTROL' in env ? {} : { ...SETTINGS[name] };
}

/** Settings of the examples that name a file with the token. */
export async function bearerFileEnv(): Promise<Record<string, string>> {
  if (TEST_TOKEN === undefined) return {};
  const file = join(await createTestFolder(), 'bearer');
  await writeFile(file, `${TEST_TOKEN}\n`);
  const names = ['NOTIFICATIONS_BEARER_FILE', 'WAREHOUSE_BEARER_FILE', 'ORDER_STREAM_TOKEN_FILE'];
  return Object.fromEntries(names.map((name) => [name, file]));
}

/** Signed here, and not by a library, so that it is there at once and each test file need not load one. */
function signToken(): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + AGE_S;
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'tester', exp, scope: SCOPE, subscriptions: ['*'] };
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}
