import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { WebRequest, WebResponse } from './web-message.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'page');
const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

/** By the path that a browser asks for: what the folder holds besides tests and types, as it is. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'live.html', type: HTML },
  '/live.css': { file: 'live.css', type: 'text/css; charset=utf-8' },
  ...Object.fromEntries(
    ['live', 'board-view', 'delay-plot', 'delay-record', 'order-board', 'order-stream', 'stream-state'].map(
      (name) => [`/${name}.js`, { file: `${name}.js`, type: SCRIPT }],
    ),
  ),
};

/** Read with the sources: whoever ships them without the page finds out at once. */
const BODIES = new Map(
  Object.entries(FILES).map(([path, { file, type }]) => [
    path,
    { type, body: readFileSync(join(FOLDER, file)) },
  ]),
);

/** Nothing is fetched from elsewhere, nothing inline runs, nobody frames it, and no form of it is sent anywhere. */
const SAFE_HEADERS: OutgoingHttpHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Answers what belongs to the live page, and whether it did. It holds no data: what it shows, it calls for like any other page. */
export function answerLivePage({ method, url = '' }: WebRequest, response: WebResponse): boolean {
  const found = method === 'GET' || method === 'HEAD' ? BODIES.get(url) : undefined;
  if (!found) return false;
  const headers = { ...SAFE_HEADERS, 'content-type': found.type, 'content-length': found.body.length };
  response.writeHead(200, headers);
  response.end(method === 'HEAD' ? undefined : found.body);
  return true;
}
