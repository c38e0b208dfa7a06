import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Messages of Postgres's protocol on which a client waits for the server: a query as text, and the end of a sequence of others. */
const WAITED_FOR = ['Q', 'S'];
const LENGTH_BYTES = 4;
const TYPE_BYTES = 1;

export interface CountedDatabase {
  readonly url: string;
  /** How often, so far, the sessions of the name have asked the server for something and waited. */
  roundTrips(applicationName: string): number;
}

/** A way to the database that passes everything on and counts, on the wire, how often its clients wait for an answer. */
export async function countRoundTrips(t: TestContext, databaseUrl: string): Promise<CountedDatabase> {
  const target = new URL(databaseUrl);
  const counts = new Map<string, number>();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const end of [socket, upstream]) end.on('error', () => end.destroy());
    socket.on('data', createMessageReader(counts));
    socket.pipe(upstream).pipe(socket);
    sockets.push(socket, upstream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // The server's address is an object for every TCP server that listens.
  const { port } = server.address() as AddressInfo;
  return {
    url: Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port: String(port) }).href,
    roundTrips: (applicationName) => counts.get(applicationName) ?? 0,
  };
}

/** Reads what one client sends; the first message has no type and tells who it is. */
function createMessageReader(counts: Map<string, number>): (chunk: Buffer) => void {
  let unread = Buffer.alloc(0);
  let name: string | undefined;
  return (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const typeBytes = name === undefined ? 0 : TYPE_BYTES;
      if (unread.length < typeBytes + LENGTH_BYTES) return;
      const end = typeBytes + unread.readInt32BE(typeBytes);
      if (unread.length < end) return;
      const message = unread.subarray(0, end);
      unread = unread.subarray(end);
      if (name === undefined) name = /application_name\0([^\0]*)\0/.exec(message.toString())?.[1] ?? '';
      else if (WAITED_FOR.includes(String.fromCharCode(message[0] ?? 0)))
        counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  };
}
