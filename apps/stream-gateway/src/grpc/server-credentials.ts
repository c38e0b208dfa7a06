import { ServerCredentials } from '@grpc/grpc-js';
import type { ServerCertificate, WatchedCertificate } from '@order-events/runtime';

/** A client that has not agreed on keys by then is cut off. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How a gRPC port is spoken to: through TLS with a certificate, without it otherwise. */
export function serverCredentials(certificate: WatchedCertificate | undefined): ServerCredentials {
  return certificate ? new WatchedCredentials(certificate) : ServerCredentials.createInsecure();
}

/** grpc-js's own provider lets nobody in while its files do not fit; this one goes on with those that did. A class, as grpc-js asks for one. */
class WatchedCredentials extends ServerCredentials {
  constructor(certificate: WatchedCertificate) {
    const options = {
      requestCert: certificate.requiresClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    };
    super(options, contextOptions(certificate.current()));
    certificate.onChange((next) => this.updateSecureContextOptions(contextOptions(next)));
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

const contextOptions = ({ cert, key, ca }: ServerCertificate) => ({ cert, key, ...(ca && { ca }) });
