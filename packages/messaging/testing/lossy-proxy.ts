import net from 'node:net';
import type { TestContext } from 'node:test';
import { createFrameSplitter } from '../src/wire/response-frames.ts';

export interface LossyProxy {
  readonly port: number;
  forwardTo(port: number): void;
  /** While true, requests arrive and their answers do not. */
  loseAnswers(lose: boolean): void;
}

/** A TCP proxy on 127.0.0.1 that can lose what the server says. `onRequest` is told the API key of each request of Kafka, and the number of its connection. */
export async function startLossyProxy(
  t: TestContext,
  onRequest?: (apiKey: number, connection: number) => void,
): Promise<LossyProxy> {
  const sockets = new Set<net.Socket>();
  let targetPort = 0;
  let losing = false;
  let connections = 0;
  const server = net.createServer((client) => {
    const connection = (connections += 1);
    const upstream = net.connect(targetPort, '127.0.0.1');
    client.on('data', (chunk) => upstream.write(chunk));
    if (onRequest)
      client.on(
        'data',
        createFrameSplitter((frame) => onRequest(frame.readInt16BE(0), connection)),
      );
    upstream.on('data', (chunk) => {
      if (!losing) client.write(chunk);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    forwardTo(port) {
      targetPort = port;
    },
    loseAnswers(lose) {
      losing = lose;
    },
  };
}
