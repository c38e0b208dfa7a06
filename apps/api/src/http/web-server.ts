import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { WatchedCertificate } from '@order-events/runtime';

/** A client that has not agreed on keys by then is cut off. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface WebServer {
  readonly server: Server;
  /** How its URLs begin. */
  readonly scheme: 'http' | 'https';
  /** Ends connections that have not agreed on keys: the server does not know them yet, and would wait for them to close. */
  endHandshakes(): void;
}

/** With a certificate it speaks TLS only; a replaced one is for new connections, those that are open go on. */
export function createWebServer(
  options: ServerOptions,
  certificate: WatchedCertificate | undefined,
  listener: RequestListener,
): WebServer {
  if (!certificate) {
    return { server: createServer(options, listener), scheme: 'http', endHandshakes: () => {} };
  }
  const server = createSecureServer(
    {
      ...options,
      ...certificate.current(),
      requestCert: certificate.requiresClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    listener,
  );
  const stopWatching = certificate.onChange((next) => server.setSecureContext(next));
  server.once('close', stopWatching);
  const handshakes = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    handshakes.set(name, socket);
    socket.once('close', () => {
      if (handshakes.get(name) === socket) handshakes.delete(name);
    });
  });
  server.on('secureConnection', (socket) => handshakes.delete(nameOf(socket)));
  return {
    server,
    scheme: 'https',
    endHandshakes: () => handshakes.forEach((socket) => socket.destroy()),
  };
}

/** The encrypted socket is another object than the one below it, with the same peer. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
