import assert from 'node:assert/strict';
import test from 'node:test';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { createChannel, createClient, createServer } from 'nice-grpc';
import { framedBody, sendSharedFrames } from './shared-frames.ts';

const bytes = {
  encode: (body: Uint8Array) => ({ finish: () => body }),
  decode: (body: Uint8Array) => body,
};
const definition = {
  name: 'Echo',
  fullName: 'test.Echo',
  methods: {
    send: {
      name: 'send',
      requestType: bytes,
      requestStream: false,
      responseType: bytes,
      responseStream: true,
      options: {},
    },
  },
} as const;

const interceptor: ServerInterceptor = (_method, call) => {
  sendSharedFrames(call);
  return new ServerInterceptingCall(call);
};

/** What a client receives when a server sends these messages. */
async function received(t: { after(end: () => void): void }, sent: readonly Uint8Array[]): Promise<string[]> {
  const server = createServer({ interceptors: [interceptor] });
  server.add(definition, {
    async *send() {
      yield* sent;
    },
  });
  const port = await server.listen('127.0.0.1:0');
  t.after(() => server.forceShutdown());
  const channel = createChannel(`127.0.0.1:${port}`);
  t.after(() => channel.close());
  const texts: string[] = [];
  for await (const body of createClient(definition, channel).send(Buffer.from('go'))) {
    texts.push(Buffer.from(body).toString());
  }
  return texts;
}

test('a framed body and any other message arrive as they were sent', async (t) => {
  const framed = framedBody(5);
  framed.set(Buffer.from('first'));
  const large = framedBody(100_000).fill(65);
  assert.deepEqual(await received(t, [framed, Buffer.from('second'), framed, large]), [
    'first',
    'second',
    'first',
    'A'.repeat(100_000),
  ]);
});

test('a framed body is sent from its own memory, which no stream has copied', async (t) => {
  const framed = framedBody(4);
  framed.set(Buffer.from('good'));
  // The length stands before the body. Were the frame made anew for each stream, this would be put right.
  new DataView(framed.buffer, framed.byteOffset - 4).setUint32(0, 2);
  assert.deepEqual(await received(t, [framed]), ['go']);
});
