import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { certificateFolder, createAuthority, createPairFiles } from '../../../test/harness/certificates.ts';
import { eventually } from '../../../test/harness/eventually.ts';
import { serverTlsFaults } from './server-tls-config.ts';
import { createCertificateMetrics, createWatchedCertificate } from './watched-certificate.ts';

test('a changed pair is taken, and one that does not fit is refused, counted and logged once', async (t) => {
  const authority = await createAuthority(t);
  const [first, second, third] = await Promise.all(['1', '2', '3'].map((name) => authority.issue(name)));
  assert.ok(first && second && third);
  const { put, ...pairFiles } = await createPairFiles(t, first);
  const files = { ...pairFiles, clientCaFile: undefined };
  const registry = new Registry();
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const metrics = createCertificateMetrics(registry);
  const certificate = createWatchedCertificate({ files, checkMs: 10, metrics, log });
  const changes: string[] = [];
  certificate.onChange(({ cert }) => void changes.push(cert.toString()));
  await certificate.start(new AbortController().signal);
  t.after(() => certificate.stop());

  await put({ cert: second.cert });
  await eventually(() => assert.match(lines.join(''), /key values mismatch/));
  assert.equal(certificate.current().cert.toString(), first.cert, 'the former pair stays');
  await put({ key: second.key });
  await eventually(() => assert.deepEqual(changes, [second.cert]));

  // Seen at many checks, said once.
  await put({ key: 'no key' });
  await eventually(async () => {
    const counted = await registry.getSingleMetricAsString('tls_certificate_reloads_total');
    assert.match(counted, /outcome="refused"\} 2$/m);
  });
  await put(third);
  await eventually(() => assert.deepEqual(changes, [second.cert, third.cert]));
  assert.equal(lines.filter((line) => /cannot be used/.test(line)).length, 2);
  assert.doesNotMatch(lines.join(''), /PRIVATE KEY/);
  assert.match(await registry.getSingleMetricAsString('tls_certificate_reloads_total'), /"replaced"\} 2$/m);
});

test('settings that cannot be used are named', async (t) => {
  const folder = await certificateFolder(t);
  const authority = await createAuthority(t);
  const [one, other] = [await authority.issue('one'), await authority.issue('other')];
  const certificateFile = join(folder, 'tls.crt');
  const keyFile = join(folder, 'tls.key');
  await writeFile(certificateFile, one.cert);
  await writeFile(keyFile, other.key);
  const faults = (tls: object) =>
    serverTlsFaults('API_TLS_', {
      ...{ certificateFile: undefined, keyFile: undefined, clientCaFile: undefined, checkMs: 1 },
      ...tls,
    }).join();
  assert.equal(faults({}), '');
  assert.match(
    faults({ certificateFile }),
    /API_TLS_CERTIFICATE_FILE, API_TLS_KEY_FILE: must be set together/,
  );
  assert.match(faults({ clientCaFile: authority.caFile }), /API_TLS_CLIENT_CA_FILE: has no use without/);
  assert.match(faults({ certificateFile, keyFile }), /cannot be used: .*key values mismatch/);
  assert.match(faults({ certificateFile, keyFile: '/no/tls.key' }), /ENOENT/);
  await writeFile(keyFile, one.key);
  assert.equal(faults({ certificateFile, keyFile, clientCaFile: authority.caFile }), '');
  assert.match(faults({ certificateFile, keyFile, clientCaFile: keyFile }), /CLIENT_CA_FILE: cannot be used/);
});
