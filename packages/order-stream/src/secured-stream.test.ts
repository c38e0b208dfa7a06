import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ClientError, ServerError, Status } from 'nice-grpc-common';
import { createAuthority } from '../testing/certificates.ts';
import {
  refuse,
  type ScriptedMessage,
  startScriptedConsumers,
  startScriptedGateway,
} from '../testing/scripted-gateway.ts';
import { startTlsProxy } from '../testing/tls-proxy.ts';
import { createOrderStreamClient } from './client.ts';
import { consumeOrders } from './consume-orders.ts';
import { OrderStreamError } from './order-stream-error.ts';
import { watchOrders, type WatchOrdersOptions } from './watch-orders.ts';

const QUICK = { minRetryDelayMs: 1, maxRetryDelayMs: 20 };
const AUTHORITY = createAuthority();
const TRUSTING = { rootCertificates: AUTHORITY.certificate };

const message = (n: number): ScriptedMessage => ({
  events: [{ eventId: String(n) }],
  resumeToken: String(n),
});

async function take(count: number, options: WatchOrdersOptions): Promise<string[]> {
  const eventIds: string[] = [];
  for await (const { events } of watchOrders({ ...QUICK, ...options })) {
    eventIds.push(...events.map(({ eventId }) => eventId));
    if (eventIds.length >= count) break;
  }
  return eventIds;
}

/** A gateway behind a proxy that lets in clients with certificates only; it tells one message a stream, then the stream is cut. */
async function startSecured(t: TestContext) {
  const tokens: unknown[] = [];
  const { address } = await startScriptedGateway(t, function* (_, { number, context }) {
    tokens.push(context.metadata.get('authorization'));
    yield message(number);
    throw new ServerError(Status.UNAVAILABLE, 'cut');
  });
  const proxy = await startTlsProxy(t, {
    to: address,
    certificate: AUTHORITY.issue('localhost'),
    clientAuthority: AUTHORITY.certificate,
  });
  const { certificate, key } = AUTHORITY.issue('a client');
  return { tokens, proxy, identity: { ...TRUSTING, clientCertificate: certificate, clientKey: key } };
}

/** The reasons of the first interruptions. */
async function interruptions(count: number, options: WatchOrdersOptions): Promise<string[]> {
  const reasons: string[] = [];
  const stopping = new AbortController();
  const onInterruption = (cause: unknown) => {
    if (reasons.push(String(cause)) === count) stopping.abort();
  };
  assert.deepEqual(await take(1, { ...options, signal: stopping.signal, onInterruption }), []);
  return reasons;
}

test('a client with a certificate is known to the proxy, and its token, asked for anew each time, to the gateway', async (t) => {
  const { tokens, proxy, identity } = await startSecured(t);
  let asked = 0;
  const metadata = () => Promise.resolve({ authorization: `Bearer ${(asked += 1)}` });
  assert.deepEqual(await take(3, { address: proxy.address, tls: identity, metadata }), ['1', '2', '3']);
  assert.deepEqual(tokens, ['Bearer 1', 'Bearer 2', 'Bearer 3']);
  assert.deepEqual(proxy.clients[0], { name: 'a client', server: 'localhost' });
});

test('consumers and calls are secured alike', async (t) => {
  const seen: unknown[] = [];
  const { address } = await startScriptedConsumers(t, function* (_, { context }) {
    seen.push(context.metadata.get('authorization'));
    yield { events: [{ eventId: '1' }], ackToken: '1' };
  });
  const proxy = await startTlsProxy(t, { to: address, certificate: AUTHORITY.issue('localhost') });
  const options = { tls: TRUSTING, metadata: { authorization: 'Bearer a' } };
  for await (const { acknowledge } of consumeOrders({
    address: proxy.address,
    subscription: 's',
    ...options,
  })) {
    acknowledge();
    break;
  }
  assert.deepEqual(seen, ['Bearer a']);
  const { client, close } = createOrderStreamClient(proxy.address, options);
  t.after(close);
  await assert.rejects(client.getReplayRange({}), /not part of the script/);
});

for (const [what, tls, reason] of [
  [
    'a server that nobody trusts',
    { rootCertificates: createAuthority('another').certificate },
    /certificate|CA/,
  ],
  ['a server of another name', { ...TRUSTING, serverName: 'elsewhere.example' }, /elsewhere\.example/],
  ['a client without a certificate', TRUSTING, /UNAVAILABLE/],
] as const) {
  test(`${what}: told with its reason, and tried again for as long as it takes`, async (t) => {
    const { tokens, proxy } = await startSecured(t);
    const reasons = await interruptions(3, { address: proxy.address, tls, refusalPatienceMs: 0 });
    t.diagnostic(reasons[0] ?? '');
    for (const told of reasons) assert.match(told, reason);
    assert.deepEqual(tokens, [], 'nothing has reached the gateway');
  });
}

test('certificates that are replaced are read anew, and the server is found by its own name', async (t) => {
  const { proxy, identity } = await startSecured(t);
  proxy.renew(AUTHORITY.issue('orders.example'));
  let asked = 0;
  const tls = () => {
    asked += 1;
    // Half of a file that is just being written.
    if (asked === 1) return { ...identity, clientKey: identity.clientKey.slice(0, 60) };
    return { ...identity, serverName: 'orders.example' };
  };
  assert.deepEqual(await take(1, { address: proxy.address, tls }), ['1']);
  assert.equal(asked, 2);
  assert.equal(proxy.clients[0]?.server, 'orders.example');
});

test('a certificate that cannot be read, and metadata that cannot be sent, are told at once', async () => {
  const address = 'localhost:1';
  await assert.rejects(take(1, { address, tls: { rootCertificates: 'none' } }));
  const metadata = { authorization: 'Bearer secret\n' };
  await assert.rejects(take(1, { address, metadata }), (error: Error) => {
    assert.match(error.message, /metadata authorization: .*line break/);
    return !error.message.includes('secret');
  });
});

test('a function that fails or gives what cannot be sent is an interruption that is told', async (t) => {
  const { address } = await startScriptedGateway(t, function* () {
    yield message(1);
  });
  let asked = 0;
  const metadata = () => {
    asked += 1;
    if (asked === 1)
      return Promise.reject(new ClientError('/tokens', Status.INVALID_ARGUMENT, 'no token today'));
    return asked === 2 ? { authorization: 'Bearer secret\n' } : { authorization: 'Bearer a' };
  };
  const reasons: string[] = [];
  const onInterruption = (cause: unknown) => reasons.push(String(cause));
  assert.deepEqual(await take(1, { address, metadata, onInterruption }), ['1']);
  assert.match(reasons[0] ?? '', /no metadata for the call: .*no token today/);
  assert.match(reasons[1] ?? '', /authorization: must be printable/);
});

test('an abort while a token is awaited ends the watch, and whoever gets the token is told', async () => {
  const stopping = new AbortController();
  const told = Promise.withResolvers<void>();
  const metadata = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => told.resolve());
    setImmediate(() => stopping.abort());
    return new Promise<never>(() => undefined);
  };
  assert.deepEqual(await take(1, { address: '127.0.0.1:1', metadata, signal: stopping.signal }), []);
  await told.promise;
});

test('a token that a gateway refuses is replaced once, and once more after a message', async (t) => {
  const { address, requests } = await startScriptedGateway(t, function* (_, { number, context }) {
    if (number % 2 === 1 || number > 4) {
      refuse(context, Status.UNAUTHENTICATED, 'expired', { info: { reason: 'EXPIRED', metadata: {} } });
    }
    yield message(number);
  });
  let asked = 0;
  const metadata = () => ({ authorization: `Bearer ${(asked += 1)}` });
  await assert.rejects(
    take(3, { address, metadata }),
    (error) => error instanceof OrderStreamError && error.code === Status.UNAUTHENTICATED,
  );
  assert.deepEqual([requests.length, asked], [6, 6]);
});

test('a token that stays is not tried again', async (t) => {
  const { address, requests } = await startScriptedGateway(t, (_, { context }) =>
    refuse(context, Status.UNAUTHENTICATED, 'no', { info: { reason: 'UNKNOWN', metadata: {} } }),
  );
  await assert.rejects(take(1, { address, metadata: { authorization: 'Bearer a' } }), OrderStreamError);
  assert.equal(requests.length, 1);
});
