import { WatchOrdersResponse } from '@order-events/order-stream';
import type { WatchMessage, WatchSignal } from '../watch/watch-message.ts';

/** Joins the encoded events with an encoding of the rest: fields of a message may follow one another in any number of pieces. */
export function encodeWatchResponse({ events, resumeToken, signal }: WatchMessage): Uint8Array {
  const rest = WatchOrdersResponse.encode({
    events: [],
    resumeToken,
    signal: signal && signalMessage(signal),
  }).finish();
  if (events.length === 0) return rest;
  return Buffer.concat([...events.map(({ encoded }) => encoded), rest]);
}

function signalMessage(signal: WatchSignal): WatchOrdersResponse['signal'] {
  switch (signal.kind) {
    case 'started':
      return {
        $case: 'started',
        value: { watcherId: signal.watcherId, heartbeatInterval: duration(signal.heartbeatMs) },
      };
    case 'heartbeat':
      return {
        $case: 'heartbeat',
        value: { serverTime: new Date(), backlogEvents: signal.backlogEvents },
      };
    case 'caught up':
      return { $case: 'caughtUp', value: { serverTime: new Date() } };
    case 'fell behind':
      return { $case: 'fellBehind', value: { backlogEvents: signal.backlogEvents } };
    case 'source state changed':
      return {
        $case: 'sourceStateChanged',
        value: { available: signal.available, changeTime: signal.since },
      };
    case 'gap':
      return {
        $case: 'gap',
        value: { fromToken: signal.fromToken, missedEvents: signal.missedEvents },
      };
    case 'draining':
      return { $case: 'draining', value: { reconnectDelay: duration(signal.reconnectDelayMs) } };
  }
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1_000_000) };
}
