import { createBackoff, sleep } from '@order-events/runtime';
import { ClientError } from 'nice-grpc-common';
import { createEventMemory } from './event-memory.ts';
import type { Duration } from './gen/google/protobuf/duration.ts';
import type {
  DeepPartial,
  OrderFilter,
  StartPosition,
  WatchOrdersRequest,
  WatchOrdersResponse,
} from './gen/orders/v1/order_stream.ts';
import { isPermanent, WatchOrdersError } from './watch-orders-error.ts';
import { LONGEST_DELAY_MS, openWatchStream, type StreamEnd } from './watch-stream.ts';

export interface WatchOrdersOptions {
  /** host:port of a gateway without TLS; a function is asked before each connection. */
  readonly address: string | (() => string);
  /** Which events; default all. */
  readonly filter?: Partial<OrderFilter>;
  /** Where to start; default the live edge. Give a stored resume token to go on after a restart of the process. */
  readonly start?: NonNullable<StartPosition['position']>;
  /** Report a gap, instead of an error, when the start is no longer in the log. */
  readonly allowGap?: boolean;
  /** Longest silence of a healthy server; it holds this between 1 s and 60 s. Default 15 s. Three of them end the connection. */
  readonly heartbeatIntervalMs?: number;
  /** Most events in one message; default is the server's. */
  readonly maxBatchSize?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
  /** An event is not told twice among so many; default 10,000. */
  readonly rememberedEvents?: number;
  /** Bounds of the jittered pause before the next connection, which doubles with each failure; defaults 100 ms and 10 s. */
  readonly minRetryDelayMs?: number;
  readonly maxRetryDelayMs?: number;
  /** Told each time that the stream was lost, before the pause. */
  readonly onInterruption?: (cause: unknown, retryDelayMs: number) => void;
}

const DEFAULT_HEARTBEAT_MS = 15_000;
const MISSED_HEARTBEATS = 3;
const DEFAULT_REMEMBERED_EVENTS = 10_000;
const DEFAULT_MIN_RETRY_DELAY_MS = 100;
const DEFAULT_MAX_RETRY_DELAY_MS = 10_000;

/**
 * Watches orders for as long as it is iterated, over any number of connections: whatever ends a stream, the next one goes on after
 * the last message. No event is lost while the log holds it, and none is told twice within the memory.
 *
 * It gives whole messages, also those without events: their tokens say how far the filter has read, so that a stored token does not
 * grow old while nothing matches. Store `resumeToken` once the events of its message are handled.
 *
 * Ends without an error when `signal` aborts. Throws a WatchOrdersError when no retry can mend the refusal.
 */
export async function* watchOrders(
  options: WatchOrdersOptions,
): AsyncGenerator<WatchOrdersResponse, void, undefined> {
  const { address, signal, onInterruption } = options;
  const memory = createEventMemory(options.rememberedEvents ?? DEFAULT_REMEMBERED_EVENTS);
  const backoff = createBackoff({
    baseMs: options.minRetryDelayMs ?? DEFAULT_MIN_RETRY_DELAY_MS,
    maxMs: options.maxRetryDelayMs ?? DEFAULT_MAX_RETRY_DELAY_MS,
  });
  let start = options.start ?? { $case: 'latest', value: true };
  while (!signal?.aborted) {
    const pace = createStreamPace(options.heartbeatIntervalMs ?? DEFAULT_HEARTBEAT_MS);
    const gateway = typeof address === 'string' ? address : address();
    const stream = openWatchStream(gateway, watchRequest(options, start), signal);
    let end: StreamEnd | undefined;
    try {
      while (!end) {
        const received = await stream.receive(pace.patienceMs());
        if (signal?.aborted) return;
        if ('end' in received) {
          end = received.end;
          continue;
        }
        const { message } = received;
        pace.note(message);
        // A stream that is only registered may still fail for the same reason as the one before.
        if (message.signal?.$case !== 'started') backoff.reset();
        yield { ...message, events: message.events.filter(({ eventId }) => memory.isNew(eventId)) };
        start = { $case: 'resumeToken', value: message.resumeToken };
      }
    } finally {
      await stream.close();
    }
    const { cause, details, resumeToken } = end;
    if (cause instanceof ClientError && isPermanent(cause)) throw new WatchOrdersError(cause, details);
    if (resumeToken) start = { $case: 'resumeToken', value: resumeToken };
    const toldDelayMs = Math.max(details.retryDelayMs ?? 0, pace.untilReconnectMs());
    const retryDelayMs = Math.min(Math.max(backoff.nextDelayMs(), toldDelayMs), LONGEST_DELAY_MS);
    onInterruption?.(cause, retryDelayMs);
    await sleep(retryDelayMs, signal);
  }
}

function watchRequest(
  { filter, allowGap, heartbeatIntervalMs, maxBatchSize }: WatchOrdersOptions,
  position: NonNullable<StartPosition['position']>,
): DeepPartial<WatchOrdersRequest> {
  return {
    filter,
    start: { position },
    allowGap: allowGap ?? false,
    heartbeatInterval: heartbeatIntervalMs === undefined ? undefined : duration(heartbeatIntervalMs),
    maxBatchSize: maxBatchSize ?? 0,
  };
}

/** How long one stream may be silent and when it is to be left, by what the server said in it. */
function createStreamPace(requestedHeartbeatMs: number) {
  let heartbeatMs = requestedHeartbeatMs;
  let reconnectAtMs: number | undefined;
  const untilReconnectMs = () => Math.max(0, (reconnectAtMs ?? 0) - performance.now());
  return {
    note({ signal }: WatchOrdersResponse): void {
      if (signal?.$case === 'started' && signal.value.heartbeatInterval) {
        heartbeatMs = milliseconds(signal.value.heartbeatInterval);
      }
      if (signal?.$case === 'draining' && signal.value.reconnectDelay) {
        reconnectAtMs = performance.now() + milliseconds(signal.value.reconnectDelay);
      }
    },
    patienceMs(): number {
      const silenceMs = heartbeatMs * MISSED_HEARTBEATS;
      return reconnectAtMs === undefined ? silenceMs : Math.min(silenceMs, untilReconnectMs());
    },
    untilReconnectMs,
  };
}

function duration(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1_000_000) };
}

function milliseconds({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1_000_000;
}
