import { producedAtMs } from './stamped-event.ts';

const EVENTS_TAG = 0x0a;
const RESUME_TOKEN_TAG = 0x12;
/** An event begins with its id: tag and length, then 36 characters. */
const EVENT_ID_AT = 2;

/** What a watcher of the load looks at in a response. */
export interface ScannedResponse {
  readonly events: number;
  readonly resumeToken: string;
}

/**
 * Walks over the fields of an encoded WatchOrdersResponse without decoding them: a client that decoded would use more of the cores than
 * the gateway. `onEvent` gets the time at which each event was produced.
 */
export function scanResponse(message: Buffer, onEvent: (producedAtMs: number) => void): ScannedResponse {
  let events = 0;
  let resumeToken = '';
  let at = 0;
  while (at < message.length) {
    const tag = message[at];
    at += 1;
    // All fields of the response are length-delimited.
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (tag === EVENTS_TAG) {
      events += 1;
      onEvent(producedAtMs(message, at + EVENT_ID_AT));
    } else if (tag === RESUME_TOKEN_TAG) {
      resumeToken = message.toString('latin1', at, at + length);
    }
    at += length;
  }
  return { events, resumeToken };
}
