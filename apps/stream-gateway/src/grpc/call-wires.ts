import { constants } from 'node:http2';
import {
  Metadata as GrpcMetadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { Metadata, type Status } from 'nice-grpc-common';
import type { StreamWire } from '../stream/stream-wire.ts';
import type { StreamError } from '../stream/stream-error.ts';
import { showDoubledAuthorization } from './doubled-authorization.ts';
import { http2StreamOf } from './http2-stream.ts';
import type { RequestArrivals } from './request-arrivals.ts';
import { sendSharedFrames } from './shared-frames.ts';
import { toServerError } from './status.ts';

export interface CallWire extends StreamWire {
  /** The code that the stream was ended with from here; undefined when it was not. */
  endedWith(): Status | undefined;
}

/** Gives each stream of a server its wire, which nice-grpc does not know of. */
export interface CallWires {
  /** For the server's settings. */
  readonly interceptor: ServerInterceptor;
  /** The wire of the call that has this metadata; undefined when it is over, or no stream. */
  find(metadata: Metadata): CallWire | undefined;
}

/** Set by the interceptor, whatever the client has sent. */
const CALL_ID = 'x-order-stream-call';
/** How long a client has to take what was handed over before the end, and then the end. */
const END_GRACE_MS = 5_000;

export function createCallWires(arrivals: Pick<RequestArrivals, 'expect'>): CallWires {
  const wires = new Map<string, CallWire>();
  let nextId = 0;
  return {
    interceptor(method, call) {
      const stream = http2StreamOf(call);
      const arrived = arrivals.expect(stream, (error) => {
        sendError(call, error);
        // A client that does not end its request would keep the stream open.
        stream.close(constants.NGHTTP2_NO_ERROR);
      });
      const id = String((nextId += 1));
      const wire = method.responseStream ? createCallWire(call) : undefined;
      if (wire) sendSharedFrames(call);
      return new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata(metadata, pass) {
              if (wire) wires.set(id, wire);
              metadata.set(CALL_ID, id);
              showDoubledAuthorization(stream, metadata);
              pass(metadata);
            },
            onReceiveMessage(message, pass) {
              // A call with one request begins with its end.
              if (method.requestStream) arrived();
              pass(message);
            },
            onReceiveHalfClose(pass) {
              arrived();
              pass();
            },
            // However a call ends, and once for each.
            onCancel() {
              arrived();
              wires.delete(id);
            },
          }),
        sendMetadata: (metadata, pass) => pass(metadata),
        sendMessage: (message, pass) => pass(message),
        sendStatus: (status, pass) => pass(status),
      });
    },
    find: (metadata) => wires.get(metadata.get(CALL_ID) ?? ''),
  };
}

function createCallWire(call: ServerInterceptingCallInterface): CallWire {
  const stream = http2StreamOf(call);
  const send = call.sendMessage.bind(call);
  let handedOver = 0;
  let writingSinceMs: number | undefined;
  let endedWith: Status | undefined;
  // An interceptor is not told when a message has been written, so this call's own method is replaced.
  call.sendMessage = (message, written) => {
    // The stream takes no more; a write would fail it before the client has got its status.
    if (endedWith !== undefined) return;
    handedOver += 1;
    writingSinceMs = performance.now();
    send(message, () => {
      writingSinceMs = undefined;
      written();
    });
  };
  return {
    handedOver: () => handedOver,
    writingSinceMs: () => writingSinceMs,
    endedWith: () => endedWith,
    end(error) {
      if (endedWith !== undefined) return;
      endedWith = sendError(call, error);
      const cutOff = setTimeout(() => {
        // Clients take this code for RESOURCE_EXHAUSTED. It may have to wait for the connection, what the stream holds must not.
        stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
        stream.destroy();
      }, END_GRACE_MS);
      stream.once('close', () => clearTimeout(cutOff));
    },
  };
}

function sendError(call: ServerInterceptingCallInterface, error: StreamError): Status {
  const trailer = Metadata();
  const answer = toServerError(error, trailer);
  if (!answer) throw new TypeError(`${error.reason} has no answer`);
  call.sendStatus({ code: answer.code, details: answer.details, metadata: forGrpcJs(trailer) });
  return answer.code;
}

function forGrpcJs(trailer: Metadata): GrpcMetadata {
  const metadata = new GrpcMetadata();
  for (const [name, values] of trailer) {
    for (const value of values) metadata.add(name, typeof value === 'string' ? value : Buffer.from(value));
  }
  return metadata;
}
