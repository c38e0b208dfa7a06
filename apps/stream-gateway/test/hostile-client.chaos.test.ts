import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import test, { type TestContext } from 'node:test';
import { WatchOrdersRequest } from '@order-events/order-stream';
import fc from 'fast-check';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { paced } from '../../../test/harness/paced.ts';
import { peakMemoryBytes } from '../../../test/harness/peak-memory.ts';
import { assertComplete } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import { longestSilenceMs } from '../../../test/watch-validation/watch-guarantees.ts';
import { startEventLoad } from '../testing/event-load.ts';
import { startGateway, type TestGateway } from '../testing/gateway-app.ts';
import {
  grpcFrame,
  openRawStream,
  rawAnswer,
  type RawRequest,
  WATCH_PATH,
} from '../testing/raw-grpc-call.ts';

/** Events come all the time; the rest is what a busy machine may cost. */
const MAX_SILENCE_MS = 10_000;
const MAX_MEMORY_BYTES = 450 * 1024 * 1024;
const WATCH_ALL = WatchOrdersRequest.encode(WatchOrdersRequest.fromPartial({})).finish();

/** Runs an attack beside a client that watches a busy log, and requires that this one notices nothing and nothing is left behind. */
async function besideNeighbour(
  t: TestContext,
  attack: (gateway: TestGateway) => Promise<void>,
): Promise<void> {
  const gateway = await startGateway(t, { GATEWAY_RING_BYTES: '1048576', GATEWAY_HISTORY_BYTES: '1048576' });
  const neighbour = gateway.watch({ heartbeatInterval: { seconds: 1n } });
  await neighbour.signal('caughtUp');
  const load = startEventLoad(gateway.produce);
  t.after(() => load.stop());
  await neighbour.events(20);

  await attack(gateway);

  await load.stop();
  const log = await readTopicLog(gateway);
  await eventually(() => assertComplete([neighbour.history()], log));
  const silenceMs = longestSilenceMs(neighbour.history());
  assert.ok(silenceMs < paced(MAX_SILENCE_MS), `the neighbour heard nothing for ${silenceMs} ms`);
  const failures = gateway.app.logs().filter(({ msg }) => msg === 'call failed');
  assert.deepEqual(failures, [], 'what a client sends wrongly is no failure of the server');
  const watchers = async () => {
    const metrics = await (await fetch(`${gateway.app.urls.admin}/metrics`)).text();
    const counts = [...metrics.matchAll(/^stream_watchers\{[^}]*\} (\d+)$/gm)].map(([, count]) =>
      Number(count),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await eventually(async () => assert.equal(await watchers(), 1));
  const memoryBytes = await peakMemoryBytes(gateway.app.pid);
  assert.ok(memoryBytes < MAX_MEMORY_BYTES, `${memoryBytes} bytes of memory`);
  t.diagnostic(
    `longest silence ${Math.round(silenceMs)} ms, at most ${Math.round(memoryBytes / 1e6)} MB of memory`,
  );
}

/** A connection of the attacker's; the server may close it. */
async function connect(t: TestContext, { app }: TestGateway): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`http://${app.urls.grpc}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  await once(session, 'connect');
  return session;
}

test('malformed calls are answered, each, and their connection goes on', async (t) => {
  const malformed: Readonly<Record<string, RawRequest>> = {
    'no message': {},
    'a message that ends early': { body: grpcFrame(WATCH_ALL, 0, 100) },
    'a message of 4 GiB': { body: grpcFrame(WATCH_ALL, 0, 0xffffffff) },
    'an unknown compression': { headers: { 'grpc-encoding': 'rot13' }, body: grpcFrame(WATCH_ALL, 1) },
    'bytes that are no message': { body: grpcFrame(Buffer.from('ffffffffffffffffffffff', 'hex')) },
    'a string that is not UTF-8': { body: grpcFrame(Buffer.from('12041a02c328', 'hex')) },
    'an unknown method': { path: '/orders.v1.OrderStreamService/Nothing', body: grpcFrame(WATCH_ALL) },
    'no path': { path: '', body: grpcFrame(WATCH_ALL) },
    'another content type': { headers: { 'content-type': 'text/html' }, body: Buffer.from('<p>') },
    'a time-out that is none': { headers: { 'grpc-timeout': 'soon' }, body: grpcFrame(WATCH_ALL, 1) },
    'many headers': {
      headers: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'x'.repeat(100)])),
      body: grpcFrame(WATCH_ALL, 1),
    },
    'a message that is too large': { body: grpcFrame(randomBytes(2 * 1024 * 1024)) },
  };
  await besideNeighbour(t, async (gateway) => {
    const session = await connect(t, gateway);
    for (const [name, request] of Object.entries(malformed)) {
      const { httpStatus, grpcStatus, resetCode } = await rawAnswer(openRawStream(session, request));
      assert.ok(!session.destroyed, `the connection has ended by ${name}`);
      assert.ok(grpcStatus !== Status.OK, `${name} was taken`);
      assert.ok(
        grpcStatus !== undefined || resetCode !== 0 || (httpStatus ?? 200) >= 400,
        `no answer to ${name}`,
      );
    }
    const tooLarge = openRawStream(session, malformed['a message that is too large']!);
    assert.equal((await rawAnswer(tooLarge)).grpcStatus, Status.RESOURCE_EXHAUSTED);
    const bodies = fc.record({
      flag: fc.constantFrom(0, 1, 255),
      message: fc.uint8Array({ maxLength: 200 }),
      length: fc.option(fc.nat({ max: 0xffffffff }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(bodies, async ({ flag, message, length }) => {
        const stream = openRawStream(session, { body: grpcFrame(message, flag, length) });
        // Some are requests after all, of which there is no end.
        stream.once('data', () => stream.close(http2.constants.NGHTTP2_CANCEL));
        await rawAnswer(stream);
        assert.ok(!session.destroyed);
      }),
      { numRuns: 200 },
    );
  });
});

test('a storm of calls that are opened and reset at once', async (t) => {
  await besideNeighbour(t, async (gateway) => {
    for (let connection = 0; connection < 5; connection += 1) {
      const session = await connect(t, gateway);
      for (let call = 0; call < 2_000 && !session.destroyed && !session.closed; call += 1) {
        const stream = openRawStream(session, { body: grpcFrame(WATCH_ALL) });
        stream.close(http2.constants.NGHTTP2_CANCEL);
        if (call % 100 === 0) await new Promise(setImmediate);
      }
      session.destroy();
    }
  });
});

test('a flood of watches on one connection, of connections, and of pings', async (t) => {
  await besideNeighbour(t, async (gateway) => {
    const session = await connect(t, gateway);
    const streams = Array.from({ length: 1_500 }, () =>
      openRawStream(session, { body: grpcFrame(WATCH_ALL) }),
    );
    const answers = streams.map((stream) => once(stream, 'data').catch(() => undefined));
    await answers[0];
    for (let ping = 0; ping < 1_000 && !session.destroyed; ping += 1) session.ping(() => {});
    await Promise.all(answers.slice(0, 500));
    session.destroy();
    for (let round = 0; round < 10; round += 1) {
      const sessions = await Promise.all(Array.from({ length: 30 }, () => connect(t, gateway)));
      const opened = sessions.map((each) => openRawStream(each, { body: grpcFrame(WATCH_ALL) }));
      await Promise.all(opened.map((stream) => once(stream, 'data')));
      for (const each of sessions) each.destroy();
    }
  });
});

test('connections that speak something else, or nothing', async (t) => {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const greetings: Readonly<Record<string, Buffer>> = {
    nothing: Buffer.alloc(0),
    'HTTP/1.1': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'half a preface': preface.subarray(0, 10),
    'a preface alone': preface,
    'a preface and noise': Buffer.concat([preface, randomBytes(10_000)]),
    'a frame of 16 MiB': Buffer.concat([preface, Buffer.from('ffffff000000000001', 'hex')]),
    'a headers frame that never ends': Buffer.concat([preface, Buffer.from('000010010000000001', 'hex')]),
    TLS: Buffer.from('16030100a5010000a10303', 'hex'),
    noise: randomBytes(10_000),
  };
  await besideNeighbour(t, async (gateway) => {
    const [host, port] = gateway.app.urls.grpc.split(':');
    const sockets: net.Socket[] = [];
    for (let round = 0; round < 10; round += 1) {
      for (const greeting of Object.values(greetings)) {
        const socket = net.connect(Number(port), host).on('error', () => {});
        t.after(() => socket.destroy());
        await once(socket, 'connect');
        socket.write(greeting);
        sockets.push(socket);
      }
    }
    // Those that say nothing stay: they hold up nobody either.
    const health = await connect(t, gateway);
    const check = openRawStream(health, {
      path: '/grpc.health.v1.Health/Check',
      body: grpcFrame(Buffer.alloc(0)),
    });
    assert.equal((await rawAnswer(check)).grpcStatus, Status.OK);
    const unfinished = openRawStream(health, {
      path: WATCH_PATH,
      body: Buffer.from([0, 0]),
      isUnfinished: true,
    });
    for (const socket of sockets) socket.destroy();
    unfinished.close(http2.constants.NGHTTP2_CANCEL);
  });
});
