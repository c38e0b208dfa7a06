import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { OrderStreamServiceDefinition, WatchOrdersRequest } from '@order-events/order-stream';
import { type BrowserPage, openInBrowser } from '../../../test/harness/browser.ts';
import { eventually } from '../../../test/harness/index.ts';
import { createAuthority, createPairFiles } from '../../../test/harness/certificates.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { startGuardedGateway, WATCHER } from '../testing/guarded-gateway.ts';
import { orderEvent } from '../testing/order-events.ts';
import { grpcFrame, WATCH_PATH } from '../testing/raw-grpc-call.ts';

test('through TLS browsers have HTTP/2, many streams on one connection, and the same tokens as others', async (t) => {
  const authority = await createAuthority(t);
  const files = await createPairFiles(t, await authority.issue('gateway'));
  const gateway = await startGuardedGateway(t, {
    GATEWAY_WEB_PORT: '0',
    GATEWAY_TLS_CERTIFICATE_FILE: files.certificateFile,
    GATEWAY_TLS_KEY_FILE: files.keyFile,
  });
  const {
    metadata: { authorization },
  } = await gateway.as(WATCHER);
  const session = http2.connect(gateway.app.urls.grpcWeb, { ca: authority.ca });
  // The gateway stops before it is closed.
  session.on('error', () => {});
  t.after(() => session.destroy());
  const ask = (headers: http2.OutgoingHttpHeaders, customerIds: string[]) =>
    session
      .request({
        ':method': 'POST',
        ':path': WATCH_PATH,
        'content-type': 'application/grpc-web+proto',
        ...headers,
      })
      .end(
        grpcFrame(
          WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial({ filter: { customerIds } })).finish(),
        ),
      );
  /** What comes until a pattern is in it. */
  async function read(stream: http2.ClientHttp2Stream, pattern: RegExp): Promise<string> {
    let text = '';
    for await (const chunk of stream.setEncoding('latin1')) {
      text += String(chunk);
      if (pattern.test(text)) return text;
    }
    return text;
  }
  const strangers = [{}, { authorization: 'Bearer x.y.z' }];
  for (const headers of strangers) assert.match(await read(ask(headers, []), /$^/), /grpc-status: 16\r\n/);
  const customers = Array.from({ length: 8 }, (_, index) => `customer-of-browser-${index}`);
  const streams = customers.map((id) => ask({ authorization }, [id]));
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('readable', resolve))));
  await gateway.produce(...customers.map((customerId) => orderEvent({ customerId })));
  await Promise.all(streams.map((stream, index) => read(stream, new RegExp(`customer-of-browser-${index}`))));
});

/** Once the page is there. */
async function openPage(t: TestContext, url: string): Promise<BrowserPage> {
  const page = await openInBrowser(t, url);
  await eventually(async () => assert.equal(await page.evaluate('document.title'), 'watch'));
  return page;
}

/** A page that has the clients of gRPC-Web's own makers. */
async function startPage(t: TestContext): Promise<string> {
  const module = createRequire(import.meta.url)
    .resolve('grpc-web')
    .replace(/index\.js$/, 'index.esm.js');
  const server = createServer((request, response) => {
    const isScript = request.url === '/grpc-web.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? readFileSync(module) : '<!doctype html><title>watch</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Watches until there was a message, or an error, and says what. This client has streams in text only. */
function watching(url: string): string {
  const path = `/${OrderStreamServiceDefinition.fullName}/${OrderStreamServiceDefinition.methods.watchOrders.name}`;
  return `import('/grpc-web.js').then((module) => new Promise((resolve) => {
    const { GrpcWebClientBase, MethodDescriptor } = module.default ?? module;
    const client = new GrpcWebClientBase({ format: 'text' });
    const method = new MethodDescriptor('${path}', 'server_streaming', Object, Object, () => new Uint8Array(), (bytes) => bytes.length);
    const stream = client.serverStreaming('${url}${path}', {}, {}, method);
    stream.on('data', (length) => { stream.cancel(); resolve({ length }); });
    setTimeout(() => resolve({ message: 'nothing came' }), 20_000);
    stream.on('error', ({ code, message }) => resolve({ code, message }));
  }))`;
}

test('a page of an allowed origin watches by the client of gRPC-Web itself in a real browser, another page does not', async (t) => {
  const [allowed, other] = [await startPage(t), await startPage(t)];
  const { app } = await startGateway(t, { GATEWAY_WEB_PORT: '0', GATEWAY_WEB_ORIGINS: allowed });
  const page = await openPage(t, allowed);
  const seen = await page.evaluate<{ length?: number; message?: string }>(watching(app.urls.grpcWeb));
  assert.ok((seen.length ?? 0) > 0, JSON.stringify(seen));
  const stranger = await openPage(t, other);
  const refused = await stranger.evaluate<{ length?: number }>(watching(app.urls.grpcWeb));
  assert.equal(refused.length, undefined);
  assert.match(stranger.complaints.join('\n'), /CORS/);
});
