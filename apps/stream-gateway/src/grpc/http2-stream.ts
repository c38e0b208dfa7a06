import type { ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** grpc-js has no public way to reset a stream, nor to learn of a written message; its exact version is pinned. */
export function http2StreamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  const { stream } = call as ServerInterceptingCallInterface & { readonly stream?: ServerHttp2Stream };
  if (typeof stream?.close !== 'function')
    throw new TypeError('this grpc-js keeps its HTTP/2 stream elsewhere');
  return stream;
}
