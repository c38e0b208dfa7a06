import net from 'node:net';
import type { TestContext } from 'node:test';

export interface CutProxy {
  readonly port: number;
  forwardTo(port: number): void;
  /** From now on no byte gets through, in either direction, while connections stay open. */
  cut(): void;
  /** What was sent meanwhile arrives late, as over a network that is whole again. */
  mend(): void;
}

/** A TCP proxy on 127.0.0.1 for the cut of a network. */
export async function startCutProxy(t: TestContext): Promise<CutProxy> {
  const sockets = new Set<net.Socket>();
  let targetPort = 0;
  let isCut = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      if (isCut) from.pause();
    }
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    forwardTo: (port) => void (targetPort = port),
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.resume();
    },
  };
}
