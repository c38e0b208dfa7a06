import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviseOnTrust, isDatabaseUntrusted } from './untrusted-database.ts';

const failure = (message: string, code?: string) => Object.assign(new Error(message), { code });

test('an error of TLS says once what to look at, and any other one stays as it is', () => {
  const untrusted = failure('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN');
  for (let time = 1; time <= 2; time += 1) {
    assert.equal(adviseOnTrust(untrusted), untrusted);
    assert.match(
      untrusted.message,
      /^self-signed certificate in certificate chain \(check sslrootcert [^(]*\)$/,
    );
  }
  const other = failure('password authentication failed', '28P01');
  adviseOnTrust(other);
  assert.equal(other.message, 'password authentication failed');
  assert.equal(adviseOnTrust('no error'), 'no error');
});

for (const [what, error, expected] of [
  ['a certificate that has expired', failure('certificate has expired', 'CERT_HAS_EXPIRED'), true],
  ['a name that is not in it', failure('no such name', 'ERR_TLS_CERT_ALTNAME_INVALID'), true],
  ['a server without TLS', failure('The server does not support SSL connections'), true],
  ['a server that is away', failure('connect ECONNREFUSED', 'ECONNREFUSED'), false],
] as const) {
  test(`${what} is ${expected ? '' : 'not '}a matter of trust`, () => {
    assert.equal(isDatabaseUntrusted(error), expected);
  });
}
