import { connect, type IncomingHttpHeaders } from 'node:http2';
import { MAX_REQUEST_BYTES } from '../grpc/grpc-server.ts';
import type { RequestArrivals } from '../grpc/request-arrivals.ts';
import { requestTooLarge, type WebCalls } from '../grpc/web-calls.ts';
import { StreamError } from '../stream/stream-error.ts';
import { type CallAnswer, createCallAnswer } from './call-answer.ts';
import { answerLivePage } from './live-page.ts';
import {
  type CallingOrigins,
  corsHeaders,
  refusalOf,
  sendPlain,
  sendPreflight,
  speaksText,
} from './web-request.ts';
import type { WebRequest, WebResponse } from './web-message.ts';

export interface AnswerOptions {
  readonly origins: CallingOrigins;
  /** Most calls at a time. */
  readonly maxStreams: number;
  readonly calls: Pick<WebCalls, 'introduce'>;
  /** Where the calls are taken. */
  readonly callsPort: number;
  readonly arrivals: RequestArrivals;
  readonly onRefused: (reason: StreamError['reason']) => void;
}

/** Of a message: a flag, and its length. */
const FRAME_HEADER_BYTES = 5;
const BASE64_GROWTH = 4 / 3;

/** What of a request is passed on: nothing that the gateway trusts can come from outside. */
const PASSED_ON = ['authorization', 'grpc-timeout'] as const;

/**
 * Answers requests of gRPC-Web by calls of gRPC, each over a connection of its own within the process: frames are passed on as they
 * are, the trailers come as a last frame. What the browser does not take is not read from the call either, and so reaches the policy
 * for slow streams.
 */
export function createWebAnswers(
  options: AnswerOptions,
): (request: WebRequest, response: WebResponse) => void {
  const { origins, maxStreams } = options;
  let open = 0;
  return (request, response) => {
    // Whoever is gone has nothing to be told.
    for (const side of [request, response]) side.on('error', () => {});
    if (answerLivePage(request, response)) return undefined;
    const cors = corsHeaders(request, origins);
    const refusal = refusalOf(request, origins);
    if (refusal) return sendPlain(request, response, refusal, cors);
    if (request.method === 'OPTIONS') return sendPreflight(response, cors);
    open += 1;
    response.once('close', () => (open -= 1));
    const answer = createCallAnswer(request, response, cors);
    if (open > maxStreams) {
      const text = `this server has ${maxStreams} calls of browsers, its limit: try another one, or later`;
      options.onRefused('TOO_MANY_WATCHERS');
      return answer.refuse(new StreamError('TOO_MANY_WATCHERS', text));
    }
    readRequest(request, answer, options.arrivals, (body) => call(request, response, body, answer, options));
  };
}

/** Whole: it is one message, and small. */
function readRequest(
  request: WebRequest,
  answer: CallAnswer,
  arrivals: RequestArrivals,
  take: (body: Buffer) => void,
): void {
  const isText = speaksText(request);
  const maxBytes = Math.ceil((MAX_REQUEST_BYTES + FRAME_HEADER_BYTES) * (isText ? BASE64_GROWTH : 1));
  let chunks: Buffer[] = [];
  let bytes = 0;
  let isRefused = false;

  function refuse(error: Error): void {
    if (isRefused) return;
    isRefused = true;
    chunks = [];
    answer.refuse(error);
  }

  const arrived = arrivals.expect(request, refuse);
  request.on('data', (chunk: Buffer) => {
    if (isRefused) return;
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes <= maxBytes) return;
    arrived();
    refuse(requestTooLarge());
  });
  request.once('close', arrived);
  request.once('end', () => {
    arrived();
    if (isRefused) return;
    const body = Buffer.concat(chunks);
    take(isText ? Buffer.from(body.toString('latin1'), 'base64') : body);
  });
}

function call(
  request: WebRequest,
  response: WebResponse,
  body: Buffer,
  answer: CallAnswer,
  { calls, callsPort }: AnswerOptions,
): void {
  const { remoteAddress, remotePort } = request.socket;
  if (response.destroyed) return;
  const session = connect(`http://127.0.0.1:${callsPort}`);
  response.once('close', () => session.destroy());
  session.on('error', answer.cutOff);
  session.once('connect', () => {
    const { localPort } = session.socket;
    if (response.destroyed || localPort === undefined) return session.destroy();
    session.once('close', calls.introduce(localPort, `${remoteAddress}:${remotePort}`));
    const passedOn = PASSED_ON.map((name) => [name, request.headers[name]]).filter(
      ([, value]) => value !== undefined,
    );
    const stream = session.request({
      ':method': 'POST',
      ':path': request.url,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(Object.fromEntries(passedOn) as IncomingHttpHeaders),
    });
    stream.end(body);
    answer.pass(stream);
  });
}
