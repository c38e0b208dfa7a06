import { WatchOrdersResponse } from '@order-events/order-stream';
import { framedBody } from './shared-frames.ts';
import type { WatchMessage, WatchSignal } from '../watch/watch-message.ts';
import { duration } from './duration.ts';

/** Messages with events are shared by streams that want the same: they are encoded for the first one. */
const encodings = new WeakMap<WatchMessage, Uint8Array>();

/** Joins the encoded events with an encoding of the rest: fields of a message may follow one another in any number of pieces. */
export function encodeWatchResponse(message: WatchMessage): Uint8Array {
  const { events, resumeToken, signal } = message;
  const known = encodings.get(message);
  if (known) return known;
  const rest = WatchOrdersResponse.encode({
    events: [],
    resumeToken,
    signal: signal && signalMessage(signal),
  }).finish();
  if (events.length === 0) return rest;
  const length = events.reduce((sum, event) => sum + event.encoded.length, rest.length);
  const encoded = framedBody(length);
  let at = 0;
  for (const event of events) {
    encoded.set(event.encoded, at);
    at += event.encoded.length;
  }
  encoded.set(rest, at);
  encodings.set(message, encoded);
  return encoded;
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
