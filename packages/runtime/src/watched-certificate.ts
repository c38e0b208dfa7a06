import { Counter, Gauge, type Registry } from 'prom-client';
import { reasonOf } from './failure-reason.ts';
import type { Part } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { createRunningPart } from './running-part.ts';
import {
  type CertificateFiles,
  expiryMs,
  fingerprintOf,
  readServerCertificate,
  type ServerCertificate,
} from './server-certificate.ts';
import { sleep } from './sleep.ts';

/** A server's certificate that is read again when its files change. */
export interface WatchedCertificate extends Part {
  current(): ServerCertificate;
  /** Whether clients must have a certificate of their own. There is no asking without insisting: nobody could rest on the answer. */
  readonly requiresClientCertificate: boolean;
  /** Tells of each new certificate; answers how to stop. */
  onChange(listener: (certificate: ServerCertificate) => void): () => void;
}

export interface WatchedCertificateOptions {
  readonly files: CertificateFiles;
  readonly checkMs: number;
  readonly metrics: CertificateMetrics;
  readonly log: Logger;
}

export interface CertificateMetrics {
  readonly expiry: Gauge;
  readonly reloads: Counter<'outcome'>;
}

export function createCertificateMetrics(registry: Registry): CertificateMetrics {
  const reloads = new Counter({
    name: 'tls_certificate_reloads_total',
    help: 'Changed files of the certificate: replaced, or refused because they cannot be used.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  // What is refused is counted once: of a counter that appears with it, no alert would see an increase.
  for (const outcome of ['replaced', 'refused']) reloads.inc({ outcome }, 0);
  return {
    expiry: new Gauge({
      name: 'tls_certificate_expiry_timestamp_seconds',
      help: 'When the certificate in use expires, as a Unix time; 0 without TLS.',
      registers: [registry],
    }),
    reloads,
  };
}

/**
 * Reads the files at once, and throws when they cannot be used. From its start it looks at them again and again, as no notification of
 * file systems survives all ways in which files are replaced. What cannot be used is counted and logged once, and the certificate in
 * use stays until it can: files that are replaced one after the other do not fit for a moment.
 */
export function createWatchedCertificate(options: WatchedCertificateOptions): WatchedCertificate {
  const { files, checkMs, metrics, log } = options;
  const listeners = new Set<(certificate: ServerCertificate) => void>();
  let current = readServerCertificate(files);
  let refusedFor: string | undefined;
  metrics.expiry.set(expiryMs(current) / 1_000);

  function check(): void {
    try {
      const read = readServerCertificate(files);
      refusedFor = undefined;
      if (fingerprintOf(read) === fingerprintOf(current)) return;
      current = read;
      metrics.expiry.set(expiryMs(read) / 1_000);
      metrics.reloads.inc({ outcome: 'replaced' });
      for (const listener of listeners) listener(read);
      log.info({ ...files, expiresAt: new Date(expiryMs(read)).toISOString() }, 'certificate replaced');
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === refusedFor) return;
      refusedFor = reason;
      metrics.reloads.inc({ outcome: 'refused' });
      log.error(
        { ...files, reason },
        'changed certificate files cannot be used: the former certificate stays',
      );
    }
  }

  const part = createRunningPart('certificate', async (stopping) => {
    while (!stopping.aborted) {
      await sleep(checkMs, stopping);
      if (!stopping.aborted) check();
    }
  });
  return {
    ...part,
    current: () => current,
    requiresClientCertificate: files.clientCaFile !== undefined,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
