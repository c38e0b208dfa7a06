import { execFileSync } from 'node:child_process';

let made: string | undefined;

/** A certificate, or for a variable that names the file of a private key that key: those who read them look whether they fit. */
export function certificateText(variable: string): string {
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
