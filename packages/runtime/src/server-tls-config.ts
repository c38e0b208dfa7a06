import { z } from 'zod';
import { reasonOf } from './failure-reason.ts';
import { type CertificateFiles, readServerCertificate } from './server-certificate.ts';

/** Settings of a port that may be spoken to through TLS; each app gives them its own names. */
export const serverTlsSettings = {
  certificateFile: z
    .string()
    .optional()
    .describe('PEM file of the certificate with its chain; with it and its key the port speaks TLS only.'),
  keyFile: z.string().optional().describe('PEM file of the private key of that certificate.'),
  clientCaFile: z
    .string()
    .optional()
    .describe(
      'PEM file of authorities: only clients with a certificate of theirs are let in. It tells that they may connect, never who they are.',
    ),
  checkMs: z.coerce
    .number()
    .int()
    .min(100)
    .max(86_400_000)
    .default(10_000)
    .describe('Replaced files of certificates are noticed within this time.'),
};

/** The values of one app, by what they mean. */
export interface ServerTls {
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly clientCaFile: string | undefined;
  readonly checkMs: number;
}

/** What is wrong with them together; `prefix` is that of the app's names, such as `API_TLS_`. */
export function serverTlsFaults(prefix: string, tls: ServerTls): string[] {
  const { certificateFile, keyFile, clientCaFile } = tls;
  const names = {
    certificate: `${prefix}CERTIFICATE_FILE`,
    key: `${prefix}KEY_FILE`,
    ca: `${prefix}CLIENT_CA_FILE`,
  };
  if (certificateFile === undefined && keyFile === undefined) {
    return clientCaFile === undefined ? [] : [`${names.ca}: has no use without ${names.certificate}`];
  }
  const files = certificateFilesOf(tls);
  if (!files) return [`${names.certificate}, ${names.key}: must be set together`];
  try {
    readServerCertificate(files);
    return [];
  } catch (error) {
    const given = clientCaFile === undefined ? [names.certificate, names.key] : Object.values(names);
    return [`${given.join(', ')}: cannot be used: ${reasonOf(error)}`];
  }
}

/** Undefined: the port speaks without TLS. */
export function certificateFilesOf(tls: ServerTls): CertificateFiles | undefined {
  const { certificateFile, keyFile, clientCaFile } = tls;
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  return { certificateFile, keyFile, clientCaFile };
}
