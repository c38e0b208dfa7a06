import net from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SlowProxy {
  readonly port: number;
  /** Where to pass on to. */
  forwardTo(port: number): void;
  /** Bytes from clients so far. */
  sentBytes(): number;
}

/** A link of `bytesPerMs` in each direction that all connections share; ended after the test. */
export async function startSlowProxy(t: TestContext, bytesPerMs: number): Promise<SlowProxy> {
  const sockets = new Set<net.Socket>();
  let target = 0;
  let sent = 0;
  const up = createLink(bytesPerMs);
  const down = createLink(bytesPerMs);
  const server = net.createServer((client) => {
    const broker = net.connect(target, '127.0.0.1');
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('close', () => broker.destroy());
    broker.on('close', () => client.destroy());
    client.on('data', (chunk) => (sent += chunk.length));
    up(client, broker);
    down(broker, client);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('not listening');
  return { port: address.port, forwardTo: (port) => void (target = port), sentBytes: () => sent };
}

/** Passes what comes from one socket on to another, one chunk of all pairs at a time. */
function createLink(bytesPerMs: number): (from: net.Socket, to: net.Socket) => void {
  let last = Promise.resolve();
  return (from, to) =>
    from.on('data', (chunk) => {
      from.pause();
      last = last.then(async () => {
        if (from.destroyed) return;
        await sleep(chunk.length / bytesPerMs);
        to.write(chunk);
        from.resume();
      });
    });
}
