import { toMilliseconds } from './duration.ts';
import type { ConsumeOrdersResponse, WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';

/** A message of either kind of stream, as far as it tells how the stream goes on. */
export type StreamMessage = Pick<WatchOrdersResponse, 'signal'> | Pick<ConsumeOrdersResponse, 'signal'>;

/** How long one stream may be silent and when it is to be left, by what the server said in it. */
export interface StreamPace {
  note(message: StreamMessage): void;
  /** How long to wait for the next message. */
  patienceMs(): number;
  /** Whether the token of the call expires so soon that the stream should be opened again with another one. */
  isRenewalDue(): boolean;
  /** How long until then; Infinity while the server has said nothing of it. */
  untilRenewalMs(): number;
  /** Whether the server will end the stream. */
  isDraining(): boolean;
  /** How long the server wants to be left alone. */
  untilReconnectMs(): number;
}

const MISSED_HEARTBEATS = 3;
/** Streams that share a token do not all come back at once: over this part of what is left of it, the rest is for trying. */
const RENEWAL_SHARE = 0.5;

export function createStreamPace(requestedHeartbeatMs: number): StreamPace {
  let heartbeatMs = requestedHeartbeatMs;
  let reconnectAtMs: number | undefined;
  let renewAtMs = Number.POSITIVE_INFINITY;
  const untilReconnectMs = () => Math.max(0, (reconnectAtMs ?? 0) - performance.now());
  return {
    note({ signal }) {
      if (signal?.$case === 'started' && signal.value.heartbeatInterval) {
        heartbeatMs = toMilliseconds(signal.value.heartbeatInterval);
      }
      if (signal?.$case === 'draining' && signal.value.reconnectDelay) {
        reconnectAtMs = performance.now() + toMilliseconds(signal.value.reconnectDelay);
      }
      if (signal?.$case === 'accessExpiring' && signal.value.remaining) {
        const leftMs = toMilliseconds(signal.value.remaining);
        renewAtMs = performance.now() + leftMs * RENEWAL_SHARE * Math.random();
      }
    },
    patienceMs() {
      const silenceMs = heartbeatMs * MISSED_HEARTBEATS;
      return reconnectAtMs === undefined ? silenceMs : Math.min(silenceMs, untilReconnectMs());
    },
    isRenewalDue: () => performance.now() >= renewAtMs,
    untilRenewalMs: () => renewAtMs - performance.now(),
    isDraining: () => reconnectAtMs !== undefined,
    untilReconnectMs,
  };
}
