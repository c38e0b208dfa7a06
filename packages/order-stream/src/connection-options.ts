import { X509Certificate } from 'node:crypto';
import { ChannelCredentials, type ChannelOptions } from 'nice-grpc';
import type { CallCredentials } from './call-metadata.ts';

/** What TLS needs; certificates and keys are PEM. */
export interface TlsOptions {
  /** Whom to trust; default the authorities that Node.js trusts. */
  readonly rootCertificates?: string | Uint8Array;
  /** For a server that wants to know its clients by certificates; one needs the other. */
  readonly clientCertificate?: string | Uint8Array;
  readonly clientKey?: string | Uint8Array;
  /** The name that the server's certificate must carry and that it is asked for by, where it is not the one in the address. */
  readonly serverName?: string;
}

/** How a gateway, or the proxy before it, is spoken to. */
export interface ConnectionOptions extends CallCredentials {
  /** Speak through TLS; by default only to an address that begins with https://. A function is asked before each connection, so that certificates can be replaced meanwhile. */
  readonly tls?: boolean | TlsOptions | (() => boolean | TlsOptions);
  /** Options of the gRPC channel; they come before those that are set here. */
  readonly channelOptions?: ChannelOptions;
}

/** What a channel needs for its TLS, or for none. Throws when a certificate or key cannot be read. */
export function secureChannel(tls: boolean | TlsOptions): {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: ChannelOptions;
} {
  if (tls === false) return { credentials: ChannelCredentials.createInsecure(), channelOptions: {} };
  const { rootCertificates, clientKey, clientCertificate, serverName } = tls === true ? {} : tls;
  // Node.js takes anything for an authority, and then trusts nobody.
  if (rootCertificates !== undefined) new X509Certificate(rootCertificates);
  const bytesOf = (pem: string | Uint8Array | undefined) => (pem === undefined ? null : Buffer.from(pem));
  return {
    credentials: ChannelCredentials.createSsl(
      bytesOf(rootCertificates),
      bytesOf(clientKey),
      bytesOf(clientCertificate),
    ),
    channelOptions:
      serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName },
  };
}
