import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own. */
export interface TestAuthority {
  readonly caFile: string;
  readonly ca: string;
  /** For a server at 127.0.0.1 and localhost unless `names` says otherwise, or for a client; PEM texts. */
  issue(commonName: string, names?: string): Promise<CertificatePair>;
}

/** The files of a server's certificate, as something that renews them would replace them. */
export interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Each file at once, one after the other. */
  put(pair: Partial<CertificatePair>): Promise<void>;
}

export async function createPairFiles(t: TestContext, first: CertificatePair): Promise<PairFiles> {
  const folder = await certificateFolder(t);
  const files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  const replace = async (file: string, text: string | undefined) => {
    if (text === undefined) return;
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const put = async ({ cert, key }: Partial<CertificatePair>) => {
    await replace(files.certificateFile, cert);
    await replace(files.keyFile, key);
  };
  await put(first);
  return { ...files, put };
}

/** A folder for files of certificates, removed after the test. */
export async function certificateFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

export async function createAuthority(t: TestContext, name = 'test authority'): Promise<TestAuthority> {
  const folder = await certificateFolder(t);
  const file = (end: string) => join(folder, end);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-keyout', file('ca.key'), '-out', file('ca.pem')],
    ...['-days', '2', '-subj', `/CN=${name}`],
  ]);
  let issued = 0;
  return {
    caFile: file('ca.pem'),
    ca: await readFile(file('ca.pem'), 'utf8'),
    async issue(commonName, names = 'IP:127.0.0.1,DNS:localhost') {
      const part = (end: string) => file(`${issued}.${end}`);
      issued += 1;
      const [key, request, cert, extensions] = [part('key'), part('csr'), part('pem'), part('ext')];
      await writeFile(extensions, `subjectAltName=${names}\n`);
      await run('openssl', ['req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`]);
      await run('openssl', [
        ...['x509', '-req', '-in', request, '-out', cert, '-days', '1', '-extfile', extensions],
        ...['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-set_serial', String(issued)],
      ]);
      return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
    },
  };
}
