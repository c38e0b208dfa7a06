import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { http2StreamOf } from './http2-stream.ts';

const LISTEN = 'tracing:net.server.listen:asyncStart';

const doubled = new WeakSet<object>();

/**
 * Runs `listen` so that calls with more than one `authorization` are known: Node keeps the first and drops the others, and a proxy in
 * between may have looked at another. Neither grpc-js nor nice-grpc gives the headers as they came.
 */
export async function notingDoubledAuthorization<T>(listen: () => Promise<T>): Promise<T> {
  const follow = (message: unknown) => {
    const { server } = message as { server: EventEmitter };
    server.prependListener('stream', note);
  };
  subscribe(LISTEN, follow);
  try {
    return await listen();
  } finally {
    unsubscribe(LISTEN, follow);
  }
}

/** Lets the metadata of such a call have two values again. */
export function showDoubledAuthorization(stream: ServerHttp2Stream, metadata: Metadata): void {
  if (doubled.has(stream)) metadata.add('authorization', 'another one');
}

/** The same for a server that has no other interceptor. */
export const doubledAuthorizationInterceptor: ServerInterceptor = (_method, call) => {
  const stream = http2StreamOf(call);
  return new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata(metadata, pass) {
          showDoubledAuthorization(stream, metadata);
          pass(metadata);
        },
      }),
  });
};

/** Names and values in turn. */
function note(stream: ServerHttp2Stream, _: unknown, _flags: number, rawHeaders: readonly string[]): void {
  const names = rawHeaders.filter((_value, index) => index % 2 === 0);
  if (names.filter((name) => name === 'authorization').length > 1) doubled.add(stream);
}
