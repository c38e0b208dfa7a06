import { once } from 'node:events';
import { connect } from 'node:net';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const [DATA, HEADERS, SETTINGS] = [0, 1, 4];
const [END_OF_STREAM, END_OF_HEADERS] = [1, 4];
const EMPTY_MESSAGE = Buffer.alloc(5);

/**
 * Asks for the replay range with these values of `authorization`, one field each, which no client library of Node sends. Answers all that
 * came from the server as text: names and values of its fields are in it as they are when they are not in HPACK's tables.
 */
export async function callWithAuthorizations(address: string, values: readonly string[]): Promise<Buffer> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect(Number(port), hostname);
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/orders.v1.OrderStreamService/GetReplayRange'],
    [':authority', address],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...values.map((value) => ['authorization', value]),
  ] as const;
  const block = Buffer.concat(fields.flatMap(([name = '', value = '']) => [literal(name, value)]));
  socket.write(
    Buffer.concat([
      Buffer.from(PREFACE),
      frame(SETTINGS, 0, 0, Buffer.alloc(0)),
      frame(HEADERS, END_OF_HEADERS, 1, block),
      frame(DATA, END_OF_STREAM, 1, EMPTY_MESSAGE),
    ]),
  );
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    // Its last frame ends the stream.
    if (endsStream(Buffer.concat(chunks))) socket.end();
  });
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** A literal field without indexing, its texts not compressed (RFC 7541, 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function endsStream(bytes: Buffer): boolean {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes.readUInt32BE(at + 5) === 1 && (bytes.readUInt8(at + 4) & 1) === 1) return true;
  }
  return false;
}
