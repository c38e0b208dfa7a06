import { toDuration } from './duration.ts';
import { createEventMemory } from './event-memory.ts';
import type {
  DeepPartial,
  OrderFilter,
  StartPosition,
  WatchOrdersRequest,
  WatchOrdersResponse,
} from './gen/orders/v1/order_stream.ts';
import type { Connector } from './order-stream-connection.ts';
import { createWatchProgress, type WatchProgress } from './watch-progress.ts';
import { DEFAULT_REMEMBERED_EVENTS, reconnectingStream, type StreamOptions } from './reconnecting-stream.ts';

/** What a watch can be told, wherever it runs. */
export interface WatchStreamOptions extends StreamOptions {
  /** Which events; default all. */
  readonly filter?: Partial<OrderFilter>;
  /** Where to start; default the live edge. Give a stored resume token to go on after a restart of the process. */
  readonly start?: NonNullable<StartPosition['position']>;
  /** Report a gap, instead of an error, when the start is no longer in the log. */
  readonly allowGap?: boolean;
  /**
   * End with the message that has CaughtUp, when everything has been given that the log had at the start: for the history of an order, an
   * export. A connection that is lost before goes on, and then up to where the log ends by that time.
   */
  readonly untilCaughtUp?: boolean;
}

export interface OrderWatch extends AsyncGenerator<WatchOrdersResponse, void, undefined> {
  /**
   * Resolves when everything of a write has been handled, also where the filter wants nothing of it: with its event, or with the first
   * heartbeat that says so. `position` is what the API answered in
   * `Write-Position`. A message counts as handled when the next one is asked for, so somebody must iterate meanwhile. Rejects when `signal`
   * aborts, and when the watch ends first; throws a TypeError for what is no position.
   */
  waitFor(position: string, signal?: AbortSignal): Promise<void>;
  /** As `complete_through_time` of the contract, of what has been handled. */
  completeThroughTime(): Date | undefined;
}

/** The watch of whatever connects: see watchOrders. */
export function watchStream(options: WatchStreamOptions, connector: Connector): OrderWatch {
  const progress = createWatchProgress();
  const { completeThroughTime, waitFor } = progress;
  return Object.assign(watchMessages(options, connector, progress), { completeThroughTime, waitFor });
}

async function* watchMessages(
  options: WatchStreamOptions,
  connector: Connector,
  progress: WatchProgress,
): AsyncGenerator<WatchOrdersResponse, void, undefined> {
  const memory = createEventMemory(options.rememberedEvents ?? DEFAULT_REMEMBERED_EVENTS);
  let start = options.start ?? { $case: 'latest', value: true };
  const goOnAfter = (resumeToken: string | undefined) => {
    if (resumeToken) start = { $case: 'resumeToken', value: resumeToken };
  };
  const messages = reconnectingStream(options, connector, {
    open: (client, callOptions) => client.watchOrders(watchRequest(options, start), callOptions),
    onEnd: goOnAfter,
  });
  try {
    for await (const message of messages) {
      yield { ...message, events: message.events.filter(({ eventId }) => memory.remember(eventId)) };
      progress.handled(message);
      // The gateway ends the stream then; one from before untilCaughtUp would go on.
      if (options.untilCaughtUp && message.signal?.$case === 'caughtUp') return;
      goOnAfter(message.resumeToken);
    }
  } finally {
    progress.ended();
  }
}

function watchRequest(
  { filter, allowGap, untilCaughtUp, heartbeatIntervalMs, maxBatchSize }: WatchStreamOptions,
  position: NonNullable<StartPosition['position']>,
): DeepPartial<WatchOrdersRequest> {
  return {
    filter,
    start: { position },
    allowGap: allowGap ?? false,
    untilCaughtUp: untilCaughtUp ?? false,
    heartbeatInterval: toDuration(heartbeatIntervalMs),
    maxBatchSize: maxBatchSize ?? 0,
  };
}
