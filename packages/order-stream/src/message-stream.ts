import { type CallOptions, Metadata } from 'nice-grpc-common';
import { decodeErrorDetails, type ErrorDetails, RESUME_TOKEN_TRAILER } from './error-details.ts';
import type { OrderStreamServiceClient } from './gen/orders/v1/order_stream.ts';
import type { OrderStreamConnection } from './order-stream-connection.ts';

/** Why a stream is over. */
export interface StreamEnd {
  readonly cause: unknown;
  /** What the server said with it; empty when it could say nothing. */
  readonly details: ErrorDetails;
  /** Where the server stood, all of its messages having been received. */
  readonly resumeToken: string | undefined;
}

export type Received<Message> = { readonly message: Message } | { readonly end: StreamEnd };

/** One stream on one connection of its own. */
export interface MessageStream<Message> {
  /** The next message; the end, also when nothing comes in time; undefined when `signal` aborts first. */
  receive(withinMs: number, signal?: AbortSignal): Promise<Received<Message> | undefined>;
  /** Ends the stream and its connection. */
  close(): Promise<void>;
}

/** Begins the call whose messages the stream gives. */
export type OpenCall<Message> = (
  client: OrderStreamServiceClient,
  options: CallOptions,
) => AsyncIterable<Message>;

/** Longer delays overflow a timer, which then fires at once. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Opens a stream on the connection that `connect` makes; when it throws, that is the end of the stream. */
export function openMessageStream<Message>(
  connect: () => OrderStreamConnection,
  openCall: OpenCall<Message>,
): MessageStream<Message> {
  let connection: OrderStreamConnection | undefined;
  const call = new AbortController();
  let trailer = Metadata();
  const onTrailer = (received: Metadata) => (trailer = received);
  const iterator = messages();
  /** Outlives a wait that was broken off. */
  let next: Promise<Received<Message>> | undefined;

  async function* messages(): AsyncGenerator<Message, void, undefined> {
    connection = connect();
    yield* openCall(connection.client, { signal: call.signal, onTrailer });
  }

  async function receiveNext(): Promise<Received<Message>> {
    try {
      const { done, value } = await iterator.next();
      return done ? endedByServer(new Error('the server ended the stream')) : { message: value };
    } catch (error) {
      return endedByServer(error);
    }
  }

  function endedByServer(cause: unknown): { end: StreamEnd } {
    return {
      end: { cause, details: decodeErrorDetails(trailer), resumeToken: trailer.get(RESUME_TOKEN_TRAILER) },
    };
  }

  return {
    async receive(withinMs, signal) {
      next ??= receiveNext();
      const received = await unlessInterrupted(next, withinMs, signal);
      if (received && 'message' in received) next = undefined;
      return received;
    },
    async close() {
      call.abort();
      // Rejects because of the cancellation.
      await iterator.return().catch(() => undefined);
      connection?.close();
    },
  };
}

/** What comes first: the answer, the end of the time, or (undefined) an abort. */
async function unlessInterrupted<Message>(
  answer: Promise<Received<Message>>,
  withinMs: number,
  signal: AbortSignal | undefined,
): Promise<Received<Message> | undefined> {
  if (signal?.aborted) return undefined;
  const interruption = Promise.withResolvers<Received<Message> | undefined>();
  const onAbort = () => interruption.resolve(undefined);
  const onSilence = () => {
    const cause = new Error(`the stream was silent for ${withinMs} ms`);
    interruption.resolve({ end: { cause, details: {}, resumeToken: undefined } });
  };
  const timer = setTimeout(onSilence, Math.min(withinMs, LONGEST_DELAY_MS));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, interruption.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
