import type { OutgoingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { WEB_CALL_PATHS } from '../grpc/web-calls.ts';
import type { WebRequest, WebResponse } from './web-message.ts';

/** Pages of which origins may call. */
export interface CallingOrigins {
  /** Those that are listed. */
  readonly listed: ReadonlySet<string>;
  /** Whether this port speaks TLS itself. */
  readonly isSecure: boolean;
}

/** An answer that is none of gRPC. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: OutgoingHttpHeaders;
}

const CONTENT_TYPE = /^application\/grpc-web(?<text>-text)?(\+proto)?\s*(;|$)/;
const METHODS = 'POST, OPTIONS';
/** What a page may send. Cookies are never asked for: credentials are not allowed. */
const HEADERS = 'authorization, content-type, grpc-timeout, x-grpc-web, x-user-agent';
const PREFLIGHT_SECONDS = '7200';

/** The headers by which a browser lets a page of an allowed origin read the answer. */
export function corsHeaders(request: WebRequest, origins: CallingOrigins): OutgoingHttpHeaders {
  const { origin } = request.headers;
  const vary = { vary: 'origin' };
  return origin !== undefined && mayCall(request, origin, origins)
    ? { ...vary, 'access-control-allow-origin': origin }
    : vary;
}

/**
 * A page that came from this port may call it too. Without TLS only one that was asked for by an address: any name can be made to lead
 * here by whoever owns it, and its pages would then come from here as well, as far as the browser can tell.
 */
function mayCall({ headers }: WebRequest, origin: string, { listed, isSecure }: CallingOrigins): boolean {
  if (listed.has(origin)) return true;
  const host = String(headers[':authority'] ?? headers.host);
  if (origin !== `${isSecure ? 'https' : 'http'}://${host}`) return false;
  const name = URL.parse(origin)?.hostname ?? '';
  return isSecure || name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Why a request is not taken; undefined for one that is. Browsers say where a page is from with every request of this kind; others need not. */
export function refusalOf(request: WebRequest, origins: CallingOrigins): Refusal | undefined {
  const { method, url = '', headers } = request;
  if (headers.origin !== undefined && !mayCall(request, headers.origin, origins)) {
    return { status: 403, text: 'pages of this origin may not call: see GATEWAY_WEB_ORIGINS\n' };
  }
  if (!WEB_CALL_PATHS.has(url)) return { status: 404, text: `try ${[...WEB_CALL_PATHS].join(', ')}\n` };
  if (method === 'OPTIONS') return undefined;
  if (method !== 'POST') return { status: 405, text: `only ${METHODS}\n`, headers: { allow: METHODS } };
  if (!CONTENT_TYPE.test(headers['content-type'] ?? '')) {
    return { status: 415, text: 'only application/grpc-web+proto and application/grpc-web-text+proto\n' };
  }
  // Node keeps the first one; a proxy in between may have looked at another.
  const authorizations = request.rawHeaders.filter(
    (name, index) => index % 2 === 0 && /^authorization$/i.test(name),
  );
  if (authorizations.length > 1) return { status: 400, text: 'more than one authorization header\n' };
  return undefined;
}

/** Whether request and answer are in base64. */
export function speaksText({ headers }: WebRequest): boolean {
  return CONTENT_TYPE.exec(headers['content-type'] ?? '')?.groups?.['text'] !== undefined;
}

export function sendPlain(
  request: WebRequest,
  response: WebResponse,
  { status, text, headers }: Refusal,
  cors: OutgoingHttpHeaders,
): void {
  response.writeHead(status, { ...cors, ...headers, 'content-type': 'text/plain; charset=utf-8' });
  response.end(request.method === 'HEAD' ? undefined : text);
}

export function sendPreflight(response: WebResponse, cors: OutgoingHttpHeaders): void {
  response.writeHead(204, {
    ...cors,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': HEADERS,
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
}
