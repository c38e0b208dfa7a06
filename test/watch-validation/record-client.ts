import type { TestContext } from 'node:test';
import { watchOrders, type WatchOrdersOptions, type WatchOrdersResponse } from '@order-events/order-stream';
import type { OrderSelection } from './topic-log.ts';
import type { ReceivedMessage, RecordedStream, WatchHistory } from './watch-history.ts';

export interface RecordedClientOptions extends Pick<WatchOrdersOptions, 'address' | 'start' | 'allowGap'> {
  readonly client: string;
  readonly filter?: OrderSelection;
  readonly heartbeatIntervalMs?: number;
  /** Of another release of the client; default the present one. */
  readonly watch?: (options: WatchOrdersOptions) => AsyncIterable<WatchOrdersResponse>;
}

export interface Interruption {
  readonly atMs: number;
  readonly cause: unknown;
  readonly retryDelayMs: number;
}

/** A subscriber that takes up its streams again, and remembers everything that it was told. */
export interface RecordedClient {
  history(): WatchHistory;
  readonly interruptions: readonly Interruption[];
  /** Resolves with the first message. */
  readonly started: Promise<void>;
  /** Rejects when the watch was refused. */
  stop(): Promise<void>;
}

const MAX_RETRY_DELAY_MS = 1_000;

/** Watches with the client of packages/order-stream until it is stopped, at the latest when the test is over. */
export function recordClient(t: Pick<TestContext, 'after'>, options: RecordedClientOptions): RecordedClient {
  const { client, filter = {}, allowGap = false, watch: open = watchOrders, ...request } = options;
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  const streams: (RecordedStream & { messages: ReceivedMessage[]; endedAtMs?: number })[] = [];
  const interruptions: Interruption[] = [];

  async function watch(): Promise<void> {
    const messages = open({
      ...request,
      filter: filter as NonNullable<WatchOrdersOptions['filter']>,
      allowGap,
      signal: stopping.signal,
      // What the gateway tells twice must be seen.
      rememberedEvents: 0,
      maxRetryDelayMs: MAX_RETRY_DELAY_MS,
      onInterruption(cause, retryDelayMs) {
        const atMs = performance.now();
        interruptions.push({ atMs, cause, retryDelayMs });
        const stream = streams.at(-1);
        if (stream) stream.endedAtMs ??= atMs;
      },
    });
    for await (const message of messages) {
      const atMs = performance.now();
      if (message.signal?.$case === 'started') streams.push({ openedAtMs: atMs, messages: [] });
      streams.at(-1)?.messages.push({ atMs, message });
      started.resolve();
    }
  }

  const done = watch();
  // The watch may fail before anybody waits for its end; whoever waits for its start is told.
  done.catch(started.reject);
  started.promise.catch(() => undefined);
  const stop = async () => {
    stopping.abort();
    await done;
  };
  t.after(stop);
  return {
    history: () => ({ client, filter, allowGap, streams }),
    interruptions,
    started: started.promise,
    stop,
  };
}
