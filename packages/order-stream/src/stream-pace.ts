import { toMilliseconds } from './duration.ts';
import type { ConsumeOrdersResponse, WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';

/** A message of either kind of stream, as far as it tells how the stream goes on. */
export type StreamMessage = Pick<WatchOrdersResponse, 'signal'> | Pick<ConsumeOrdersResponse, 'signal'>;

/** How long one stream may be silent and when it is to be left, by what the server said in it. */
export interface StreamPace {
  note(message: StreamMessage): void;
  /** How long to wait for the next message. */
  patienceMs(): number;
  /** Whether the server will end the stream. */
  isDraining(): boolean;
  /** How long the server wants to be left alone. */
  untilReconnectMs(): number;
}

const MISSED_HEARTBEATS = 3;

export function createStreamPace(requestedHeartbeatMs: number): StreamPace {
  let heartbeatMs = requestedHeartbeatMs;
  let reconnectAtMs: number | undefined;
  const untilReconnectMs = () => Math.max(0, (reconnectAtMs ?? 0) - performance.now());
  return {
    note({ signal }) {
      if (signal?.$case === 'started' && signal.value.heartbeatInterval) {
        heartbeatMs = toMilliseconds(signal.value.heartbeatInterval);
      }
      if (signal?.$case === 'draining' && signal.value.reconnectDelay) {
        reconnectAtMs = performance.now() + toMilliseconds(signal.value.reconnectDelay);
      }
    },
    patienceMs() {
      const silenceMs = heartbeatMs * MISSED_HEARTBEATS;
      return reconnectAtMs === undefined ? silenceMs : Math.min(silenceMs, untilReconnectMs());
    },
    isDraining: () => reconnectAtMs !== undefined,
    untilReconnectMs,
  };
}
