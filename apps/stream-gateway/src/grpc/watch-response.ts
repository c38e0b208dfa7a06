import { WatchOrdersResponse } from '@order-events/order-stream';
import { framedBody } from './shared-frames.ts';
import type { WatchMessage, WatchSignal } from '../watch/watch-message.ts';
import { completeThroughTime, streamSignalMessage } from './stream-signal-message.ts';

/** Messages with events are shared by streams that want the same: they are encoded for the first one. */
const encodings = new WeakMap<WatchMessage, Uint8Array>();
/** Streams that have read everything are told the same, many at a time. */
let heartbeat: { readonly key: string; readonly atMs: number; readonly encoded: Uint8Array } | undefined;
/** How old the server's time may be in a heartbeat. */
const HEARTBEAT_AGE_MS = 10;

export function encodeWatchResponse(message: WatchMessage): Uint8Array {
  return message.signal?.kind === 'heartbeat'
    ? encodeHeartbeat(message, message.signal)
    : encodeMessage(message);
}

function encodeHeartbeat(
  message: WatchMessage,
  { backlogEvents, completeThroughMs }: Extract<WatchSignal, { readonly kind: 'heartbeat' }>,
): Uint8Array {
  const key = `${backlogEvents}/${completeThroughMs}/${message.resumeToken}`;
  const nowMs = performance.now();
  if (heartbeat?.key !== key || heartbeat.atMs < nowMs - HEARTBEAT_AGE_MS) {
    heartbeat = { key, atMs: nowMs, encoded: encodeMessage(message) };
  }
  return heartbeat.encoded;
}

/** Joins the encoded events with an encoding of the rest: fields of a message may follow one another in any number of pieces. */
function encodeMessage(message: WatchMessage): Uint8Array {
  const { events, resumeToken, signal } = message;
  const known = encodings.get(message);
  if (known) return known;
  const rest = WatchOrdersResponse.encode({
    events: [],
    resumeToken,
    signal: signal && signalMessage(signal),
  }).finish();
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
  if (signal.kind === 'caught up')
    return {
      $case: 'caughtUp',
      value: { serverTime: new Date(), completeThroughTime: completeThroughTime(signal) },
    };
  if (signal.kind === 'fell behind')
    return { $case: 'fellBehind', value: { backlogEvents: signal.backlogEvents } };
  return streamSignalMessage(signal);
}
