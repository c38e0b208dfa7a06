import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Only clients with a certificate of these authorities are let in. */
  readonly clientCaFile: string | undefined;
}

/** As Node.js takes them. */
export interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** Throws when a file cannot be read or is empty, or when they do not fit: a key of another certificate, no PEM, one that has expired. */
export function readServerCertificate(files: CertificateFiles): ServerCertificate {
  const { certificateFile, keyFile, clientCaFile } = files;
  const certificate = {
    cert: readFile(certificateFile),
    key: readFile(keyFile),
    ...(clientCaFile !== undefined && { ca: readFile(clientCaFile) }),
  };
  createSecureContext(certificate);
  if (certificate.ca) parse(certificate.ca, clientCaFile);
  const expiresAtMs = expiryMs(certificate);
  if (expiresAtMs <= Date.now())
    throw new Error(`${certificateFile} expired at ${new Date(expiresAtMs).toISOString()}`);
  return certificate;
}

/** When clients stop to trust it. */
export function expiryMs({ cert }: ServerCertificate): number {
  return new X509Certificate(cert).validToDate.getTime();
}

/** Equal for equal files; tells nothing of the key. */
export function fingerprintOf({ cert, key, ca }: ServerCertificate): string {
  const hash = createHash('sha256').update(cert).update(key);
  return (ca ? hash.update(ca) : hash).digest('hex');
}

function parse(pem: Buffer, file: string | undefined): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new Error(`${file} holds no certificate`, { cause: error });
  }
}

function readFile(file: string): Buffer {
  const content = readFileSync(file);
  if (content.length === 0) throw new Error(`${file} is empty`);
  return content;
}
