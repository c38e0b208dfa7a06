import http2 from 'node:http2';
import type { TestContext } from 'node:test';
import {
  decodeErrorDetails,
  type DeepPartial,
  type ErrorDetails,
  WatchOrdersRequest,
  WatchOrdersResponse,
} from '@order-events/order-stream';
import { Metadata } from 'nice-grpc-common';

/** How a call ended on the wire: with the trailers of a status, or with the code of a reset. */
export interface RawEnd {
  readonly status: number | undefined;
  readonly resumeToken: string | undefined;
  readonly details: ErrorDetails;
  readonly resetCode: number;
}

/** A watch whose client takes no more than the test wants it to. */
export interface RawWatch {
  /** Reads all that comes from now on. */
  read(): void;
  /** Reads a piece of at most 16 KiB, then nothing for a while, and so on until `read`. */
  readSlowly(pauseMs: number): void;
  /** What has been read so far, in whole messages. */
  messages(): WatchOrdersResponse[];
  readonly ended: Promise<RawEnd>;
}

const MAX_WINDOW = 2 ** 31 - 1;

/**
 * Watches `address` (host:port) and reads nothing. The server can send its headers and `windowBytes` of messages, and nothing more.
 * Pings are answered.
 */
export function openRawWatch(
  t: TestContext,
  address: string,
  request: DeepPartial<WatchOrdersRequest> = {},
  windowBytes = 0,
  headers: http2.OutgoingHttpHeaders = {},
): RawWatch {
  const session = http2.connect(`http://${address}`, { settings: { initialWindowSize: windowBytes } });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(MAX_WINDOW));
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/orders.v1.OrderStreamService/WatchOrders',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.end(grpcFrame(WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial(request)).finish()));
  const chunks: Buffer[] = [];
  let status: number | undefined;
  let resumeToken: string | undefined;
  let details: ErrorDetails = {};
  const readTrailers = (headers: http2.IncomingHttpHeaders) => {
    if (headers['grpc-status'] === undefined) return;
    status = Number(headers['grpc-status']);
    resumeToken = headers['resume-token']?.toString();
    const packed = headers['grpc-status-details-bin']?.toString();
    if (packed) {
      details = decodeErrorDetails(Metadata({ 'grpc-status-details-bin': Buffer.from(packed, 'base64') }));
    }
  };
  let pauseMs = 0;
  const take = (chunk: Buffer) => {
    chunks.push(chunk);
    if (pauseMs === 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), pauseMs);
  };
  stream.on('response', readTrailers);
  stream.on('trailers', readTrailers);
  stream.on('error', () => {});
  const ended = new Promise<RawEnd>((resolve) => {
    stream.on('close', () => resolve({ status, resumeToken, details, resetCode: stream.rstCode }));
  });
  return {
    messages: () => readMessages(Buffer.concat(chunks)),
    read() {
      session.settings({ initialWindowSize: MAX_WINDOW });
      pauseMs = 0;
      if (stream.listenerCount('data') === 0) stream.on('data', take);
    },
    readSlowly(ms) {
      pauseMs = ms;
      stream.on('data', take);
    },
    ended,
  };
}

function grpcFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function readMessages(bytes: Buffer): WatchOrdersResponse[] {
  const messages: WatchOrdersResponse[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const next = at + 5 + bytes.readUInt32BE(at + 1);
    if (next > bytes.length) break;
    messages.push(WatchOrdersResponse.decode(bytes.subarray(at + 5, next)));
    at = next;
  }
  return messages;
}
