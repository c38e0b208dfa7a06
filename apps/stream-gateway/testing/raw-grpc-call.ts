import type http2 from 'node:http2';

export interface RawRequest {
  readonly path?: string;
  readonly headers?: http2.OutgoingHttpHeaders;
  /** Whatever shall stand where a gRPC message should. */
  readonly body?: Uint8Array;
  /** Leaves the request open instead of ending it. */
  readonly isUnfinished?: boolean;
}

export interface RawAnswer {
  readonly httpStatus: number | undefined;
  /** Of the header or the trailer. */
  readonly grpcStatus: number | undefined;
  /** Code of the RST_STREAM that ended it; 0 for none. */
  readonly resetCode: number;
}

export const WATCH_PATH = '/orders.v1.OrderStreamService/WatchOrders';

/** A frame as gRPC frames it: a flag, a length (true unless given) and the message. */
export function grpcFrame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

export function openRawStream(
  session: http2.ClientHttp2Session,
  { path = WATCH_PATH, headers = {}, body, isUnfinished = false }: RawRequest,
): http2.ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  // The close says how it ended.
  stream.on('error', () => {});
  stream.resume();
  if (body) stream.write(body);
  if (!isUnfinished) stream.end();
  return stream;
}

/** Resolves when the server has ended the stream, by an answer or a reset, or the connection has. */
export function rawAnswer(stream: http2.ClientHttp2Stream): Promise<RawAnswer> {
  let httpStatus: number | undefined;
  let grpcStatus: number | undefined;
  const note = (headers: http2.IncomingHttpHeaders) => {
    if (headers['grpc-status'] !== undefined) grpcStatus = Number(headers['grpc-status']);
  };
  return new Promise((resolve) => {
    stream.on('response', (headers) => {
      httpStatus = headers[':status'];
      note(headers);
    });
    stream.on('trailers', note);
    stream.on('close', () => resolve({ httpStatus, grpcStatus, resetCode: stream.rstCode }));
  });
}
