import { Metadata } from 'nice-grpc-common';
import { createOrderStreamClient } from './client.ts';
import { decodeErrorDetails, type ErrorDetails, RESUME_TOKEN_TRAILER } from './error-details.ts';
import type { DeepPartial, WatchOrdersRequest, WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';

/** Why a stream is over. */
export interface StreamEnd {
  readonly cause: unknown;
  /** What the server said with it; empty when it could say nothing. */
  readonly details: ErrorDetails;
  /** Where the server stood, all of its messages having been received. */
  readonly resumeToken: string | undefined;
}

/** One stream on one connection of its own. */
export interface WatchStream {
  /** The next message, or the end: also when nothing comes in time, or the signal aborts. Not to be called again after the end. */
  receive(withinMs: number): Promise<{ readonly message: WatchOrdersResponse } | { readonly end: StreamEnd }>;
  /** Ends the stream and its connection. */
  close(): Promise<void>;
}

/** Longer delays overflow a timer, which then fires at once. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Opens a stream to `address` (host:port). */
export function openWatchStream(
  address: string,
  request: DeepPartial<WatchOrdersRequest>,
  signal: AbortSignal | undefined,
): WatchStream {
  const connection = createOrderStreamClient(address);
  const call = new AbortController();
  const cancel = () => call.abort();
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  let trailer = Metadata();
  const onTrailer = (received: Metadata) => (trailer = received);
  const messages = connection.client.watchOrders(request, { signal: call.signal, onTrailer });
  const iterator = messages[Symbol.asyncIterator]();

  function endOf(cause: unknown): StreamEnd {
    // Cancelled here: messages before the trailer may not have been read.
    if (call.signal.aborted) return { cause, details: {}, resumeToken: undefined };
    return { cause, details: decodeErrorDetails(trailer), resumeToken: trailer.get(RESUME_TOKEN_TRAILER) };
  }

  return {
    async receive(withinMs) {
      let silence: Error | undefined;
      const timer = setTimeout(
        () => {
          silence = new Error(`the stream was silent for ${withinMs} ms`);
          cancel();
        },
        Math.min(withinMs, LONGEST_DELAY_MS),
      );
      try {
        const { done, value } = await iterator.next();
        return done ? { end: endOf(new Error('the server ended the stream')) } : { message: value };
      } catch (error) {
        return { end: endOf(silence ?? error) };
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      signal?.removeEventListener('abort', cancel);
      cancel();
      // Rejects because of the cancellation.
      await iterator.return?.().catch(() => undefined);
      connection.close();
    },
  };
}
