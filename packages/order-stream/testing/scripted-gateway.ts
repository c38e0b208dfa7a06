import type { TestContext } from 'node:test';
import { type CallContext, createServer, ServerError, type ServiceImplementation, Status } from 'nice-grpc';
import { toDuration } from '../src/duration.ts';
import { encodeErrorDetails, type ErrorDetails, ERROR_DETAILS_TRAILER } from '../src/error-details.ts';
import {
  type ConsumeOrdersRequest,
  type ConsumeOrdersRequest_Open,
  type ConsumeOrdersRequest_Reject,
  type ConsumeOrdersResponse,
  type DeepPartial,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
  type WatchOrdersResponse,
} from '../src/gen/orders/v1/order_stream.ts';

export type ScriptedMessage = DeepPartial<WatchOrdersResponse>;
export type ScriptedBatch = DeepPartial<ConsumeOrdersResponse>;

/** What a watch says to a request; `number` counts the streams from 1 on. */
export type WatchScript = (
  request: WatchOrdersRequest,
  call: { readonly number: number; readonly context: CallContext },
) => AsyncIterable<ScriptedMessage> | Iterable<ScriptedMessage>;

/** What a consumer's stream says after its first message; `acknowledgements` are the tokens that the client sends on it. */
export type ConsumeScript = (
  open: ConsumeOrdersRequest_Open,
  call: {
    readonly number: number;
    readonly context: CallContext;
    readonly acknowledgements: AsyncIterator<string>;
    /** Events that it has rejected, as far as its acknowledgements were read. */
    readonly rejections: readonly ConsumeOrdersRequest_Reject[];
  },
) => AsyncIterable<ScriptedBatch> | Iterable<ScriptedBatch>;

export interface ScriptedGateway<Request> {
  /** host:port */
  readonly address: string;
  readonly requests: Request[];
  /** Streams that are open. */
  open(): number;
}

/** A real gRPC server whose watches say what the test tells them to. */
export async function startScriptedGateway(
  t: TestContext,
  script: WatchScript,
): Promise<ScriptedGateway<WatchOrdersRequest>> {
  const streams = createStreamCount<WatchOrdersRequest>();
  const address = await listen(t, {
    watchOrders: (request, context) =>
      streams.count(request, (number) => script(request, { number, context })),
  });
  return { address, ...streams };
}

/** The same for streams of consumers. */
export async function startScriptedConsumers(
  t: TestContext,
  script: ConsumeScript,
): Promise<ScriptedGateway<ConsumeOrdersRequest_Open>> {
  const streams = createStreamCount<ConsumeOrdersRequest_Open>();
  const address = await listen(t, {
    async *consumeOrders(requests, context) {
      const iterator = requests[Symbol.asyncIterator]();
      const first: ConsumeOrdersRequest | undefined = (await iterator.next()).value;
      if (first?.request?.$case !== 'open') throw new ServerError(Status.INVALID_ARGUMENT, 'open first');
      const open = first.request.value;
      const rejections: ConsumeOrdersRequest_Reject[] = [];
      const acknowledgements = tokensOf({ [Symbol.asyncIterator]: () => iterator }, rejections);
      yield* streams.count(open, (number) => script(open, { number, context, acknowledgements, rejections }));
    },
  });
  return { address, ...streams };
}

async function* tokensOf(
  requests: AsyncIterable<ConsumeOrdersRequest>,
  rejections: ConsumeOrdersRequest_Reject[],
): AsyncGenerator<string, void, undefined> {
  for await (const { request } of requests) {
    if (request?.$case === 'reject') rejections.push(request.value);
    if (request?.$case === 'acknowledge') yield request.value.ackToken;
  }
}

function createStreamCount<Request>() {
  const requests: Request[] = [];
  let open = 0;
  return {
    requests,
    open: () => open,
    async *count<Message>(
      request: Request,
      script: (number: number) => AsyncIterable<Message> | Iterable<Message>,
    ): AsyncGenerator<Message, void, undefined> {
      requests.push(request);
      open += 1;
      try {
        yield* script(requests.length);
      } finally {
        open -= 1;
      }
    },
  };
}

async function listen(
  t: TestContext,
  scripted: Partial<ServiceImplementation<OrderStreamServiceDefinition>>,
): Promise<string> {
  const server = createServer();
  const unused = () => {
    throw new ServerError(Status.UNIMPLEMENTED, 'not part of the script');
  };
  server.add(OrderStreamServiceDefinition, {
    watchOrders: unused,
    consumeOrders: unused,
    getReplayRange: unused,
    listSubscriptions: unused,
    getSubscription: unused,
    seekSubscription: unused,
    deleteSubscription: unused,
    ...scripted,
  });
  const port = await server.listen('127.0.0.1:0');
  t.after(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
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

/** The first message of a watch: its token is where the stream starts. */
export const STARTED = (heartbeatMs = 15_000, resumeToken = '0'): ScriptedMessage => ({
  resumeToken,
  ...JOINED(heartbeatMs),
});

/** The first message of a consumer's stream. */
export const JOINED = (heartbeatMs = 15_000) =>
  ({
    signal: {
      $case: 'started',
      value: { watcherId: 'watcher', heartbeatInterval: toDuration(heartbeatMs) },
    },
  }) as const;

/** The server ends the stream after this time. */
export const DRAINING = (reconnectDelayMs: number) =>
  ({
    signal: { $case: 'draining', value: { reconnectDelay: toDuration(reconnectDelayMs) } },
  }) as const;

/** The token of the call expires after this time. */
export const ACCESS_EXPIRING = (remainingMs: number) =>
  ({
    signal: { $case: 'accessExpiring', value: { remaining: toDuration(remainingMs) } },
  }) as const;
