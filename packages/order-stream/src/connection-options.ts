import { X509Certificate } from 'node:crypto';
import { ChannelCredentials, type ChannelOptions } from 'nice-grpc';
import type { CallMetadata, MetadataFunction, TokenFunction } from './call-metadata.ts';

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
export interface ConnectionOptions {
  /** Speak through TLS; by default only to an address that begins with https://. A function is asked before each connection, so that certificates can be replaced meanwhile. */
  readonly tls?: boolean | TlsOptions | (() => boolean | TlsOptions);
  /**
   * Sent with each call, a bearer token for example: `{ authorization: 'Bearer …' }`. A function is asked before each call, which for
   * streams is before each connection.
   */
  readonly metadata?: CallMetadata | MetadataFunction;
  /**
   * Gives the bearer token of each call, which for streams is each connection: also before the last one expires, when the gateway says so,
   * and once when it takes that no more. It should give one that is good for some time yet. Comes before an `authorization` of `metadata`.
   */
  readonly token?: TokenFunction;
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
