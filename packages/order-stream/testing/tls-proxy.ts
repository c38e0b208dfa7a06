import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { pipeline } from 'node:stream';
import type { TestContext } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

export interface TlsProxy {
  /** localhost:port */
  readonly address: string;
  readonly port: number;
  /** The names in the certificates of the clients that it has let in, and for which server they asked. */
  readonly clients: {
    readonly name: string | undefined;
    readonly server: string | false | null | undefined;
  }[];
  /** Ends all connections; it goes on taking new ones. */
  cut(): void;
  /** Shows another certificate from now on. */
  renew(certificate: Certificate): void;
}

/** Speaks TLS with clients and plain TCP with the server behind. With `clientAuthority` it lets nobody in without a certificate of it. */
export async function startTlsProxy(
  t: TestContext,
  options: { readonly to: string; readonly certificate: Certificate; readonly clientAuthority?: string },
): Promise<TlsProxy> {
  const { to, clientAuthority } = options;
  const contextOf = ({ certificate, key }: Certificate) => ({
    cert: certificate,
    key,
    ...(clientAuthority !== undefined && { ca: clientAuthority }),
  });
  const target = new URL(`tcp://${to}`);
  const sockets = new Set<TLSSocket>();
  const clients: TlsProxy['clients'][number][] = [];
  const server = createServer(
    { ...contextOf(options.certificate), ALPNProtocols: ['h2'], requestCert: clientAuthority !== undefined },
    (socket) => {
      sockets.add(socket);
      const name = socket.getPeerCertificate().subject?.CN;
      clients.push({ name: [name].flat()[0], server: socket.servername });
      const behind = connect(Number(target.port), target.hostname);
      // An end of either is the end of both.
      pipeline(socket, behind, socket, () => sockets.delete(socket));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    server.close();
    cut();
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `localhost:${port}`,
    port,
    clients,
    cut,
    renew: (certificate) => server.setSecureContext(contextOf(certificate)),
  };
}
