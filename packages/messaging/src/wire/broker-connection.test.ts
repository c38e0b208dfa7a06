import assert from 'node:assert/strict';
import dns from 'node:dns';
import net from 'node:net';
import { mock, test, type TestContext } from 'node:test';
import type { BrokerAddress } from './broker-address.ts';
import { BrokerConnectionError, connectToBroker } from './broker-connection.ts';

const config = { clientId: 'test', connectTimeoutMs: 200, requestTimeoutMs: 200 };
const forever = new AbortController().signal;

/** A TCP server that is no Kafka broker. */
async function listen(t: TestContext, onSocket: (socket: net.Socket) => void): Promise<BrokerAddress> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return { host: '127.0.0.1', port: address.port };
}

function failsWith(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BrokerConnectionError && message.test(error.message);
}

test('a broker that accepts and never answers is given up after the request time-out', async (t) => {
  const closed = Promise.withResolvers<void>();
  const address = await listen(t, (socket) => socket.resume().on('close', () => closed.resolve()));
  await assert.rejects(
    connectToBroker(address, config, forever),
    failsWith(/^broker 127\.0\.0\.1:\d+: no answer to ApiVersions in 200 ms$/),
  );
  await closed.promise;
});

test('a server that speaks another protocol is named', async (t) => {
  const address = await listen(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await assert.rejects(connectToBroker(address, config, forever), failsWith(/unreadable response/));
});

test('a server that hangs up is a failed connection', async (t) => {
  const address = await listen(t, (socket) => socket.destroy());
  await assert.rejects(connectToBroker(address, config, forever), BrokerConnectionError);
});

test('a port that nobody listens on is a failed connection', async (t) => {
  const address = await listen(t, () => {});
  await assert.rejects(connectToBroker({ ...address, port: 1 }, config, forever), failsWith(/ECONNREFUSED/));
});

test('of a name with several addresses and nobody at any, each says why', async (t) => {
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  // Answers as a look-up for all addresses does.
  const answer = (_name: string, _options: unknown, callback: (error: null, all: typeof addresses) => void) =>
    setImmediate(callback, null, addresses);
  const lookup = mock.method(dns, 'lookup', answer);
  t.after(() => lookup.mock.restore());
  await assert.rejects(
    connectToBroker({ host: 'two.test', port: 1 }, config, forever),
    failsWith(
      /^broker two\.test:1: connect ECONNREFUSED 127\.0\.0\.1:1; connect ECONNREFUSED 127\.0\.0\.2:1$/,
    ),
  );
});

test('an abort ends a connection that is being opened', async (t) => {
  const abort = new AbortController();
  const address = await listen(t, () => abort.abort());
  await assert.rejects(
    connectToBroker(address, { ...config, requestTimeoutMs: 60_000 }, abort.signal),
    failsWith(/not wanted any more/),
  );
});
