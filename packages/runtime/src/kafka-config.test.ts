import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { describeConfig, readConfig } from './config.ts';
import { KAFKA_SECRETS, kafkaConnection, kafkaFaults, kafkaSettings } from './kafka-config.ts';

const schema = z.object({ NODE_ENV: z.string().default('test'), ...kafkaSettings });
const LOGIN = {
  KAFKA_SASL_MECHANISM: 'scram-sha-512',
  KAFKA_SASL_USERNAME: 'relay',
  KAFKA_SASL_PASSWORD: 'hunter2',
};

/** Of a key that nobody has. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUNtsv6/scC0NUokIqQ24Mx2claRcwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjkyMjQwNDlaGA8yMTI2MTEwNTIyNDA0
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFZ/
a4PqEXPTHDCZcpKPCimk7IGKARIqVzTzKNHXKgJ6xJmxJuk/lKsYRo4aCDSkDk6g
gf5dQ3XWFDLf+tOpLqSjUzBRMB0GA1UdDgQWBBTp2Ac/zZR3OjTZ+GgVsJ+z5ANi
3jAfBgNVHSMEGDAWgBTp2Ac/zZR3OjTZ+GgVsJ+z5ANi3jAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCLZzBCbHfYNWPKmxm07fl+7HMVPFPvFWNS
z51nLdzO0QIgBtbeZlfOsJhhJlh+I6JjhiDngwaxTMuu4Lh8Oh2eEVQ=
-----END CERTIFICATE-----
`;

function source(env: Record<string, string>) {
  return { schema, env, prefix: 'APP_', secrets: KAFKA_SECRETS, refine: kafkaFaults };
}

const connectionOf = (env: Record<string, string>) => kafkaConnection(readConfig(source(env)));

test('without settings the connection is plain, and "none" names no broker', () => {
  assert.deepEqual(connectionOf({}), { brokers: ['127.0.0.1:9092'] });
  assert.deepEqual(connectionOf({ KAFKA_BROKERS: 'none' }), { brokers: [] });
  assert.deepEqual(connectionOf({ KAFKA_BROKERS: 'a:1, [::1]:2,::1:3' }), {
    brokers: ['a:1', '[::1]:2', '[::1]:3'],
  });
});

test('TLS trusts the given certificates, or those that Node.js trusts', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kafka-config-'));
  t.after(() => rm(directory, { recursive: true }));
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, CERTIFICATE);
  const given = { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: caFile };
  const { ssl } = connectionOf(given);
  assert.ok(typeof ssl === 'function');
  assert.deepEqual(ssl(), { ca: CERTIFICATE });
  // Renewed, and away for a moment.
  await writeFile(caFile, 'another');
  assert.deepEqual(ssl(), { ca: 'another' });
  await rm(caFile);
  assert.deepEqual(ssl(), { ca: 'another' });
  assert.equal(connectionOf({ KAFKA_TLS: 'true' }).ssl, true);
  assert.equal(connectionOf({ KAFKA_TLS: 'false' }).ssl, undefined);
});

test('a login is passed on, and its password is shown nowhere', () => {
  assert.deepEqual(connectionOf(LOGIN).sasl?.(), {
    mechanism: 'scram-sha-512',
    username: 'relay',
    password: 'hunter2',
  });
  const given = source(LOGIN);
  assert.doesNotMatch(JSON.stringify(describeConfig(given, readConfig(given))), /hunter2/);
  const faulty = { ...LOGIN, KAFKA_SASL_MECHANISM: 'md5' };
  assert.throws(
    () => connectionOf(faulty),
    (error: Error) => /KAFKA_SASL_MECHANISM = "md5"/.test(error.message) && !/hunter2/.test(error.message),
  );
});

test('a password in a file is read again, and is what it was while the file is away', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kafka-config-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'password');
  await writeFile(file, 'the first of them\n');
  const { KAFKA_SASL_PASSWORD: _, ...login } = LOGIN;
  const { sasl } = connectionOf({ ...login, KAFKA_SASL_PASSWORD_FILE: file });
  assert.equal(sasl?.().password, 'the first of them');
  await writeFile(file, 'the second\n');
  assert.equal(sasl?.().password, 'the second');
  for (const gone of [() => writeFile(file, ''), () => rm(file)]) {
    await gone();
    assert.equal(sasl?.().password, 'the second');
  }
});

test('in production plain is taken with TLS, and when told so without', () => {
  const plain = {
    ...LOGIN,
    NODE_ENV: 'production',
    KAFKA_BROKERS: 'kafka:9092',
    KAFKA_SASL_MECHANISM: 'plain',
  };
  for (const told of [{ KAFKA_TLS: 'true' }, { KAFKA_CLEARTEXT_LOGIN: 'accept' }]) {
    assert.equal(connectionOf({ ...plain, ...told }).sasl?.().mechanism, 'plain');
  }
});

for (const [what, env, fault] of [
  [
    'half a login',
    { KAFKA_SASL_USERNAME: 'relay' },
    /KAFKA_SASL_MECHANISM, KAFKA_SASL_PASSWORD: must be set/,
  ],
  ['certificates without TLS', { KAFKA_TLS_CA_FILE: '/dev/null' }, /has no use without KAFKA_TLS=true/],
  [
    'a certificate without its key',
    { KAFKA_TLS: 'true', KAFKA_TLS_CERTIFICATE_FILE: '/dev/null' },
    /KAFKA_TLS_KEY_FILE: must be set, as a certificate needs its key/,
  ],
  [
    'files that hold no certificate and key',
    {
      KAFKA_TLS: 'true',
      KAFKA_TLS_CERTIFICATE_FILE: import.meta.filename,
      KAFKA_TLS_KEY_FILE: import.meta.filename,
    },
    /KAFKA_TLS_CERTIFICATE_FILE, KAFKA_TLS_KEY_FILE: cannot be used/,
  ],
  [
    'a password that production would send as it is',
    { NODE_ENV: 'production', KAFKA_BROKERS: 'kafka:9092', ...LOGIN, KAFKA_SASL_MECHANISM: 'plain' },
    /KAFKA_SASL_MECHANISM: plain sends .*KAFKA_CLEARTEXT_LOGIN=accept/,
  ],
  [
    'certificates that are not there',
    { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/no/ca.pem' },
    /KAFKA_TLS_CA_FILE: cannot be read: ENOENT/,
  ],
  ['brokers without ports', { KAFKA_BROKERS: 'kafka' }, /KAFKA_BROKERS = "kafka": must be host:port/],
  ['a port beyond the last', { KAFKA_BROKERS: 'a:1,b:99999' }, /KAFKA_BROKERS = "a:1,b:99999": must be/],
  ['port 0', { KAFKA_BROKERS: '127.0.0.1:0' }, /KAFKA_BROKERS = "127.0.0.1:0": must be/],
  [
    'the default brokers in production',
    { NODE_ENV: 'production' },
    /KAFKA_BROKERS: must be set in production/,
  ],
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => connectionOf(env), fault);
  });
}
