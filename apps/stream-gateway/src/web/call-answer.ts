import type { OutgoingHttpHeaders } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { trailersOf } from '../grpc/web-calls.ts';
import { speaksText } from './web-request.ts';
import type { WebRequest, WebResponse } from './web-message.ts';

/** The answer to one call. */
export interface CallAnswer {
  /** Passes on what a call answers. */
  pass(stream: ClientHttp2Stream): void;
  /** Instead of a call; what may still come of the request is not kept. */
  refuse(error: Error): void;
  /** Ends it without an end, so that the client knows that something is missing. */
  cutOff(): void;
}

type Trailers = Readonly<Record<string, unknown>>;

const TRAILER_FLAG = 0x80;
const FRAME_HEADER_BYTES = 5;
/** How long a client has to take the end, or to send what nobody wants. */
const END_GRACE_MS = 5_000;
/** What is HTTP's own in headers that are trailers as well: a call that fails at once has only those. */
const NOT_TRAILERS = /^(:.*|content-type|date|grpc-encoding|grpc-accept-encoding)$/;

export function createCallAnswer(
  request: WebRequest,
  response: WebResponse,
  cors: OutgoingHttpHeaders,
): CallAnswer {
  const isText = speaksText(request);
  // Each piece with its own padding, as the protocol allows.
  const encode = (bytes: Buffer) => (isText ? bytes.toString('base64') : bytes);
  const cutOff = () => void response.destroy();

  function begin(): void {
    const contentType = `application/grpc-web${isText ? '-text' : ''}+proto`;
    response.writeHead(200, { ...cors, 'content-type': contentType, 'cache-control': 'no-store' });
  }

  /** What the browser does not take holds up the end as well, so its time begins with the end of the call. */
  function limitEnd(): void {
    const timer = setTimeout(cutOff, END_GRACE_MS);
    response.once('close', () => clearTimeout(timer));
  }

  function end(trailers: Trailers): void {
    response.end(encode(trailerFrame(trailers)));
  }

  return {
    cutOff,
    pass(stream) {
      let trailers: Trailers | undefined;
      const keepTrailers = (headers: Trailers) => {
        trailers = headers;
        limitEnd();
      };
      stream.once('response', (headers) => {
        if (headers['grpc-status'] !== undefined) keepTrailers(headers);
        begin();
      });
      stream.once('trailers', keepTrailers);
      stream.on('data', (bytes: Buffer) => {
        if (response.write(encode(bytes))) return;
        stream.pause();
        response.once('drain', () => stream.resume());
      });
      stream.once('end', () => (trailers ? end(trailers) : cutOff()));
      stream.once('error', cutOff);
      // Without an error when the server within has closed the connection.
      stream.once('close', () => stream.readableEnded || cutOff());
    },
    refuse(error) {
      request.resume();
      begin();
      limitEnd();
      end(trailersOf(error));
    },
  };
}

function trailerFrame(trailers: Trailers): Buffer {
  const lines = Object.entries(trailers).filter(([name]) => !NOT_TRAILERS.test(name));
  const text = Buffer.from(lines.map(([name, value]) => `${name}: ${String(value)}\r\n`).join(''), 'latin1');
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header[0] = TRAILER_FLAG;
  header.writeUInt32BE(text.length, 1);
  return Buffer.concat([header, text]);
}
