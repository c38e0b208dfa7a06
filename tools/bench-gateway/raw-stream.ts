import { connect } from 'node:net';

/**
 * The least of HTTP/2 and gRPC that a stream of responses needs: a client library would use more of the cores than the gateway, and it
 * is the gateway that is measured.
 */
export interface RawStream {
  close(): void;
}

export interface RawStreamOptions {
  readonly host: string;
  readonly port: number;
  /** For example `/orders.v1.OrderStreamService/WatchOrders`. */
  readonly path: string;
  readonly request: Uint8Array;
  /** Whether it opens its flow control window again as it reads. One that does not is a client that stopped taking messages. */
  readonly reads: boolean;
  /** The buffer is used again after the call. */
  onMessage(message: Buffer): void;
  /** The server ended the stream or the connection. */
  onEnd(): void;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEADER_BYTES = 9;
const MESSAGE_HEADER_BYTES = 5;
const [DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 7, 8];
const [ACK, END_STREAM, END_HEADERS] = [1, 1, 4];
const STREAM = 1;
const INITIAL_WINDOW_SETTING = 4;
const DEFAULT_WINDOW_BYTES = 65_535;
const READING_WINDOW_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);
/** All sockets of a process read into it, one after the other. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

export function openRawStream(options: RawStreamOptions): RawStream {
  let unparsed: Buffer = NOTHING;
  let body: Buffer = NOTHING;
  let taken = 0;
  let isOver = false;
  const socket = connect({
    host: options.host,
    port: options.port,
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback(length, buffer) {
        receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    },
  });
  socket.on('error', end);
  socket.on('close', end);
  socket.write(Buffer.concat([PREFACE, ...opening(options)]));

  function end(): void {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    options.onEnd();
  }

  function receive(chunk: Buffer): void {
    const bytes = unparsed.length > 0 ? Buffer.concat([unparsed, chunk]) : chunk;
    let at = 0;
    while (!isOver && bytes.length - at >= FRAME_HEADER_BYTES) {
      const frameEnd = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (frameEnd > bytes.length) break;
      const payload = bytes.subarray(at + FRAME_HEADER_BYTES, frameEnd);
      takeFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, payload);
      at = frameEnd;
    }
    unparsed = at < bytes.length ? Buffer.from(bytes.subarray(at)) : NOTHING;
  }

  function takeFrame(type: number, flags: number, payload: Buffer): void {
    if (type === DATA) takeData(payload);
    else if (type === SETTINGS && !(flags & ACK)) socket.write(frame(SETTINGS, ACK, 0, NOTHING));
    else if (type === PING && !(flags & ACK)) socket.write(frame(PING, ACK, 0, payload));
    const isEnd = (type === HEADERS || type === DATA) && flags & END_STREAM;
    if (isEnd || type === RESET || type === GO_AWAY) end();
  }

  function takeData(payload: Buffer): void {
    const bytes = body.length > 0 ? Buffer.concat([body, payload]) : payload;
    let at = 0;
    while (bytes.length - at >= MESSAGE_HEADER_BYTES) {
      const messageEnd = at + MESSAGE_HEADER_BYTES + bytes.readUInt32BE(at + 1);
      if (messageEnd > bytes.length) break;
      options.onMessage(bytes.subarray(at + MESSAGE_HEADER_BYTES, messageEnd));
      at = messageEnd;
    }
    body = at < bytes.length ? Buffer.from(bytes.subarray(at)) : NOTHING;
    taken += payload.length;
    if (!options.reads || taken < READING_WINDOW_BYTES / 2 || isOver) return;
    socket.write(Buffer.concat([windowUpdate(0, taken), windowUpdate(STREAM, taken)]));
    taken = 0;
  }

  return {
    close() {
      isOver = true;
      socket.destroy();
    },
  };
}

function opening({ host, port, path, request, reads }: RawStreamOptions): Buffer[] {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(INITIAL_WINDOW_SETTING);
  settings.writeUInt32BE(READING_WINDOW_BYTES, 2);
  const messageHeader = Buffer.alloc(MESSAGE_HEADER_BYTES);
  messageHeader.writeUInt32BE(request.length, 1);
  return [
    frame(SETTINGS, 0, 0, reads ? settings : NOTHING),
    ...(reads ? [windowUpdate(0, READING_WINDOW_BYTES - DEFAULT_WINDOW_BYTES)] : []),
    frame(HEADERS, END_HEADERS, STREAM, requestHeaders(`${host}:${port}`, path)),
    frame(DATA, END_STREAM, STREAM, Buffer.concat([messageHeader, request])),
  ];
}

/** HPACK: entries of the static table by their index, and literals that are not remembered. */
function requestHeaders(authority: string, path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const [METHOD_POST, SCHEME_HTTP, PATH, AUTHORITY, NEW_NAME] = [0x83, 0x86, 0x04, 0x01, 0x00];
  const CONTENT_TYPE = [0x0f, 0x10];
  return Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP, PATH]),
    text(path),
    Buffer.from([AUTHORITY]),
    text(authority),
    Buffer.from(CONTENT_TYPE),
    text('application/grpc'),
    Buffer.from([NEW_NAME]),
    text('te'),
    text('trailers'),
  ]);
}

function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(WINDOW_UPDATE, 0, stream, payload);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}
