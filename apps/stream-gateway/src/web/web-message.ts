import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';

/** What requests of HTTP/1.1 and of HTTP/2 have in common. */
export type WebRequest = Readable &
  Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders' | 'socket'>;

export type WebResponse = Writable & {
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
};
