import {
  type OrderEvent,
  type OrderFilter,
  watchOrders,
  type WatchOrdersResponse,
} from '@order-events/order-stream';

export interface ResumingWatchOptions {
  /** host:port of a gateway; asked again before each connection, so that a test can move it. */
  readonly address: () => string;
  readonly filter?: Partial<OrderFilter>;
  readonly token?: (() => Promise<string>) | undefined;
  /** Default: the server's. */
  readonly heartbeatIntervalMs?: number;
  readonly onEvent: (event: OrderEvent) => void;
  readonly onSignal?: (signal: NonNullable<WatchOrdersResponse['signal']>) => void;
}

export interface ResumingWatch {
  /** Resolves when the gateway has registered the first stream. */
  readonly started: Promise<void>;
  /** Times that the stream ended and was taken up again. */
  reconnects(): number;
  stop(): Promise<void>;
}

/** Watches from the live edge on, as a subscriber does, and tells each event as often as the gateway does. */
export function startResumingWatch(options: ResumingWatchOptions): ResumingWatch {
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  let reconnects = 0;

  async function watch(): Promise<void> {
    const messages = watchOrders({
      address: options.address,
      ...(options.filter ? { filter: options.filter } : {}),
      ...(options.token ? { token: options.token } : {}),
      ...(options.heartbeatIntervalMs ? { heartbeatIntervalMs: options.heartbeatIntervalMs } : {}),
      signal: stopping.signal,
      // What the gateway tells twice must be seen by whoever counts.
      rememberedEvents: 0,
      maxRetryDelayMs: 1_000,
      onInterruption: () => (reconnects += 1),
    });
    for await (const { events, signal } of messages) {
      for (const event of events) options.onEvent(event);
      if (signal) options.onSignal?.(signal);
      if (signal?.$case === 'started') started.resolve();
    }
  }

  const done = watch();
  // The watch may fail before anybody waits for its end; whoever waits for its start is told.
  done.catch(started.reject);
  return {
    started: started.promise,
    reconnects: () => reconnects,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
