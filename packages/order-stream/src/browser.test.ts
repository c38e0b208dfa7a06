import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { ClientError, Status } from 'nice-grpc-common';
import { bundleForBrowsers } from '../testing/browser-bundle.ts';
import { watchOrders } from './browser.ts';

test('what pages import needs no module of Node.js, nor anything that is for services', async () => {
  const { code, inputs } = await bundleForBrowsers('browser.ts');
  for (const needed of ['src/reconnecting-stream.ts', 'src/follow-stream.ts', 'src/order-list.ts']) {
    assert.ok(
      inputs.some((file) => file.endsWith(needed)),
      needed,
    );
  }
  for (const service of [/nice-grpc\/|@grpc\/grpc-js/, /runtime\/src\/index/, /order-stream\/src\/client/]) {
    assert.deepEqual(
      inputs.filter((file) => service.test(file)),
      [],
    );
  }
  assert.doesNotMatch(code, /emitWarning|from ["']node:/);
});

test('the door of services does need Node.js, and that is found', async () => {
  await assert.rejects(bundleForBrowsers('index.ts'), /Could not resolve "(node:)?\w+"/);
});

/** What the first interruption was of, of a watch that is left then. */
async function interruptionOf(address: string): Promise<unknown> {
  const leave = new AbortController();
  let first: unknown;
  const onInterruption = (cause: unknown) => {
    first ??= cause;
    leave.abort();
  };
  for await (const message of watchOrders({ address, signal: leave.signal, onInterruption })) {
    assert.fail(`nothing was to come: ${String(message.resumeToken)}`);
  }
  return first;
}

test('a gateway that is away, or cuts an answer off, is waited for; what HTTP refuses is said as gRPC would', async (t) => {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/nothing-here/')) return response.writeHead(404).end('no such page');
    response.writeHead(200, { 'content-type': 'application/grpc-web+proto' });
    response.flushHeaders();
    return response.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => server.close());
  const codeOf = async (url: string) => {
    const cause = await interruptionOf(url);
    assert.ok(cause instanceof ClientError, String(cause));
    return cause.code;
  };
  assert.equal(await codeOf(`${address}/nothing-here`), Status.UNIMPLEMENTED);
  assert.equal(await codeOf(address), Status.UNAVAILABLE);
  server.close();
  server.closeAllConnections();
  assert.equal(await codeOf(address), Status.UNAVAILABLE);
});
