import type { TestContext } from 'node:test';
import { type CallContext, createServer, ServerError, Status } from 'nice-grpc';
import { encodeErrorDetails, type ErrorDetails, ERROR_DETAILS_TRAILER } from '../src/error-details.ts';
import {
  type DeepPartial,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
  type WatchOrdersResponse,
} from '../src/gen/orders/v1/order_stream.ts';

export type ScriptedMessage = DeepPartial<WatchOrdersResponse>;

/** What a stream says to a request; `number` counts the streams from 1 on. */
export type Script = (
  request: WatchOrdersRequest,
  call: { readonly number: number; readonly context: CallContext },
) => AsyncIterable<ScriptedMessage> | Iterable<ScriptedMessage>;

export interface ScriptedGateway {
  /** host:port */
  readonly address: string;
  readonly requests: WatchOrdersRequest[];
  /** Streams that are open. */
  open(): number;
}

/** A real gRPC server whose watches say what the test tells them to. */
export async function startScriptedGateway(t: TestContext, script: Script): Promise<ScriptedGateway> {
  const requests: WatchOrdersRequest[] = [];
  let open = 0;
  const server = createServer();
  const unused = () => {
    throw new ServerError(Status.UNIMPLEMENTED, 'not part of the script');
  };
  server.add(OrderStreamServiceDefinition, {
    async *watchOrders(request, context) {
      requests.push(request);
      open += 1;
      try {
        yield* script(request, { number: requests.length, context });
      } finally {
        open -= 1;
      }
    },
    consumeOrders: unused,
    getReplayRange: unused,
    listSubscriptions: unused,
    getSubscription: unused,
    seekSubscription: unused,
    deleteSubscription: unused,
  });
  const port = await server.listen('127.0.0.1:0');
  t.after(() => server.forceShutdown());
  return { address: `127.0.0.1:${port}`, requests, open: () => open };
}

/** Ends a call with a status and its details. */
export function refuse(context: CallContext, code: Status, message: string, details: ErrorDetails): never {
  context.trailer.set(ERROR_DETAILS_TRAILER, encodeErrorDetails(code, message, details));
  throw new ServerError(code, message);
}

/** Says nothing until the client is gone. */
export function silence({ signal }: CallContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new ServerError(Status.CANCELLED, 'the client left')));
  });
}

/** The first message of a stream: its token is where the stream starts. */
export const STARTED = (heartbeatMs = 15_000, resumeToken = '0'): ScriptedMessage => ({
  resumeToken,
  signal: {
    $case: 'started',
    value: {
      watcherId: 'watcher',
      heartbeatInterval: {
        seconds: BigInt(Math.floor(heartbeatMs / 1000)),
        nanos: (heartbeatMs % 1000) * 1_000_000,
      },
    },
  },
});
