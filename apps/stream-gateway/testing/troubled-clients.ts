import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createOrderStreamClient, WatchOrdersRequest } from '@order-events/order-stream';
import { grpcFrame, openRawStream } from './raw-grpc-call.ts';

const WATCH_ALL = grpcFrame(WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial({})).finish());
/** Small messages fill a client's queues with the fewest events. */
const SLOW_REQUEST = { maxBatchSize: 1 } as const;
const BETWEEN_ARRIVALS_MS = 100;
const SLOW_PAUSE_MS = 1_000;
/** Long enough to be ended for it. */
const STALLED_PAUSE_MS = 17_000;
const FIRST_BYTES_MS = 5_000;
const BYTES_UNTIL_SILENCE = 20_000;

export interface TroubledClients {
  /** How many of each kind have come, and streams that the server ended. */
  readonly counts: { slow: number; stalled: number; vanished: number; halfOpen: number; ended: number };
  /** All of them go. */
  stop(): Promise<void>;
}

/**
 * Clients that nobody wishes for, on a gateway at host:port: some read a message a second, some next to nothing, and all the time some
 * come, read a little and vanish, with a word or without.
 */
export function startTroubledClients(address: string, each: number): TroubledClients {
  const counts = { slow: 0, stalled: 0, vanished: 0, halfOpen: 0, ended: 0 };
  const stopping = new AbortController();
  const { signal } = stopping;
  const sockets = new Set<net.Socket>();

  const rest = (ms: number) => pause(ms, undefined, { signal }).catch(() => undefined);

  /** Watches again and again, and takes the next of some messages only after a pause. */
  async function reluctant(kind: 'slow' | 'stalled', pauseMs: number, messages: number): Promise<void> {
    while (!signal.aborted) {
      const { client, close } = createOrderStreamClient(address);
      counts[kind] += 1;
      try {
        let taken = 0;
        for await (const _ of client.watchOrders(SLOW_REQUEST, { signal })) {
          await rest(pauseMs);
          taken += 1;
          if (taken === messages) break;
        }
      } catch {
        // Too slow, or at the end of the test: that is what they are here for.
        if (!signal.aborted) counts.ended += 1;
      } finally {
        close();
      }
      await rest(BETWEEN_ARRIVALS_MS);
    }
  }

  async function vanishing(): Promise<void> {
    while (!signal.aborted) {
      const session = http2.connect(`http://${address}`);
      session.on('error', () => {});
      const stream = openRawStream(session, { body: WATCH_ALL });
      await Promise.race([once(stream, 'data').catch(() => undefined), rest(FIRST_BYTES_MS)]);
      counts.vanished += 1;
      session.destroy();
      await rest(BETWEEN_ARRIVALS_MS);
    }
  }

  /** Their sockets stay open, but nothing is taken or said any more. */
  async function halfOpening(): Promise<void> {
    const [host, port] = address.split(':');
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    while (!signal.aborted) {
      const socket = net.connect(Number(port), host).on('error', () => {});
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.write(preface);
      let received = 0;
      socket.on('data', (chunk) => {
        received += chunk.length;
        if (received > BYTES_UNTIL_SILENCE) socket.pause();
      });
      counts.halfOpen += 1;
      await rest(10 * BETWEEN_ARRIVALS_MS);
    }
  }

  const done = Promise.all([
    ...Array.from({ length: each }, () => reluctant('slow', SLOW_PAUSE_MS, Infinity)),
    ...Array.from({ length: each }, () => reluctant('stalled', STALLED_PAUSE_MS, 2)),
    vanishing(),
    halfOpening(),
  ]);
  return {
    counts,
    async stop() {
      stopping.abort();
      await done;
      for (const socket of sockets) socket.destroy();
    },
  };
}
