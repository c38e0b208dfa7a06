import { WatchOrdersResponse } from '@order-events/order-stream';
import { framedBody } from './shared-frames.ts';
import type { WatchMessage, WatchSignal } from '../watch/watch-message.ts';
import { streamSignalMessage } from './stream-signal-message.ts';

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
  if (signal.kind === 'caught up') return { $case: 'caughtUp', value: { serverTime: new Date() } };
  if (signal.kind === 'fell behind')
    return { $case: 'fellBehind', value: { backlogEvents: signal.backlogEvents } };
  return streamSignalMessage(signal);
}
