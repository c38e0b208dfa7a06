import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';

let made: string | undefined;

/** What a file holds that a variable names, as the processes look whether they can use it: a key set, a certificate or its key. */
export function fileText(variable: string): string {
  if (variable.includes('JWKS')) return keySet();
  // Both in one text, made once.
  made ??= execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '1', '-subj', '/CN=chart', '-keyout', '-', '-out', '-'],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const kind = variable.endsWith('_KEY_FILE') ? 'PRIVATE KEY' : 'CERTIFICATE';
  return new RegExp(`-----BEGIN ${kind}-----[^]*-----END ${kind}-----\n`).exec(made)?.[0] ?? made;
}

function keySet(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'chart', alg: 'ES256' }] });
}
