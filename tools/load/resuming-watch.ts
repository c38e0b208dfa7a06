import { setTimeout as pause } from 'node:timers/promises';
import {
  createOrderStreamClient,
  type OrderEvent,
  type OrderFilter,
  type WatchOrdersResponse,
} from '@order-events/order-stream';

export interface ResumingWatchOptions {
  /** host:port of a gateway; asked again before each connection, so that a test can move it. */
  readonly address: () => string;
  readonly filter?: Partial<OrderFilter>;
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

/** Watches from the live edge on and goes on with its token whenever the stream ends, as a subscriber would. */
export function startResumingWatch(options: ResumingWatchOptions): ResumingWatch {
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  let resumeToken: string | undefined;
  let reconnects = 0;

  async function watchOnce(): Promise<void> {
    const { client, close } = createOrderStreamClient(options.address());
    const position = resumeToken
      ? ({ $case: 'resumeToken', value: resumeToken } as const)
      : ({ $case: 'latest', value: true } as const);
    try {
      const responses = client.watchOrders(
        { filter: options.filter, start: { position } },
        { signal: stopping.signal },
      );
      for await (const response of responses) {
        for (const event of response.events) options.onEvent(event);
        resumeToken = response.resumeToken;
        if (response.signal) options.onSignal?.(response.signal);
        if (response.signal?.$case === 'started') started.resolve();
      }
    } finally {
      close();
    }
  }

  const done = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await watchOnce();
      } catch {
        // Whatever ended the stream: the token says where to go on.
      }
      reconnects += 1;
      if (!stopping.signal.aborted) await pause(50);
    }
  })();

  return {
    started: started.promise,
    reconnects: () => reconnects,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
