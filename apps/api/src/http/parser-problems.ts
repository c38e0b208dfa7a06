import { randomBytes } from 'node:crypto';
import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, type ProblemCode, problemAnswerOf } from './problem.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** What Node's parser and its clocks say, as problems; everything else is a request that is no HTTP. */
const PROBLEM_OF_CODE: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'the headers may have 16 KiB at most'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['payload_too_large', 'the extensions of a chunk are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'the request was not sent in time'],
};

const TRACE_ID_BYTES = 16;

/** Requests that do not get as far as a route are answered as all others are. `isAnswered` knows of an answer that has begun. */
export function answerParserErrors(server: Server, isAnswered: (socket: Socket) => boolean): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Half an answer cannot be taken back, and a client that is gone reads none.
    if (!socket.writable || isAnswered(socket) || error.code === 'ECONNRESET') return void socket.destroy();
    const [code, detail] = PROBLEM_OF_CODE[error.code ?? ''] ?? [
      'malformed_request',
      'the request is not HTTP/1.1 as RFC 9112 has it',
    ];
    const traceId = randomBytes(TRACE_ID_BYTES).toString('hex');
    const { status, headers, body } = problemAnswerOf(new Problem(code, detail), { instance: '', traceId });
    const lines = Object.entries({
      ...SECURITY_HEADERS,
      ...headers,
      'X-Request-Id': traceId,
      'Content-Length': String(Buffer.byteLength(body)),
      Connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  });
}
