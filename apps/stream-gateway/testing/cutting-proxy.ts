import net from 'node:net';
import type { TestContext } from 'node:test';

/**
 * A TCP proxy before `target` (host:port) that cuts each connection after as many bytes of the server's as `bytesUntilCut` says when
 * it opens. Answers its own address.
 */
export async function startCuttingProxy(
  t: TestContext,
  target: string,
  bytesUntilCut: () => number,
): Promise<string> {
  const upstreams = new Set<net.Socket>();
  const [host, port] = target.split(':');
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), host);
    upstreams.add(upstream);
    let left = bytesUntilCut();
    const cut = () => {
      client.destroy();
      upstream.destroy();
      upstreams.delete(upstream);
    };
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      const isLast = chunk.length >= left;
      client.write(isLast ? chunk.subarray(0, Math.max(0, left)) : chunk, isLast ? cut : undefined);
      left -= chunk.length;
    });
    for (const socket of [client, upstream]) socket.on('error', cut).on('close', cut);
  });
  t.after(() => {
    server.close();
    for (const upstream of upstreams) upstream.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return `127.0.0.1:${address.port}`;
}
