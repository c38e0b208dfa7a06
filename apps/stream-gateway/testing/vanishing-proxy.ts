import net from 'node:net';
import type { TestContext } from 'node:test';

export interface VanishingProxy {
  /** host:port */
  readonly address: string;
  /**
   * From now on nothing passes in either direction, and no connection is closed. `discards`: what the server sends is read, as by a
   * network that loses it; otherwise it is not even read.
   */
  vanish(how: 'discards' | 'reads nothing'): void;
}

/** A TCP proxy before `target` (host:port) behind which clients can vanish without a word. */
export async function startVanishingProxy(t: TestContext, target: string): Promise<VanishingProxy> {
  const [host, port] = target.split(':');
  const sockets: net.Socket[] = [];
  const upstreams: net.Socket[] = [];
  let vanished: 'discards' | 'reads nothing' | undefined;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), host);
    sockets.push(client, upstream);
    upstreams.push(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    const pass = (to: net.Socket) => (chunk: Buffer) => void (vanished || to.write(chunk));
    client.on('data', pass(upstream));
    upstream.on('data', pass(client));
    client.on('close', () => vanished || upstream.destroy());
    upstream.on('close', () => vanished || client.destroy());
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listening = server.address();
  if (listening === null || typeof listening === 'string') throw new Error('the proxy has no port');
  return {
    address: `127.0.0.1:${listening.port}`,
    vanish(how) {
      vanished = how;
      if (how === 'reads nothing') for (const upstream of upstreams) upstream.pause();
    },
  };
}
