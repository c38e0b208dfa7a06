import { WatchOrdersResponse } from '@order-events/order-stream';
import type { LogEvent } from './log-event.ts';

const placeless = new WeakMap<LogEvent, LogEvent>();

/** The event encoded without its partition and offset, which count the events of all customers. All streams share it. */
export function withoutPlace(event: LogEvent): LogEvent {
  const known = placeless.get(event);
  if (known) return known;
  const message = WatchOrdersResponse.decode(event.encoded);
  for (const streamed of message.events) {
    streamed.partition = 0;
    streamed.offset = 0n;
  }
  const encoded = WatchOrdersResponse.encode(message).finish();
  const without = { ...event, encoded };
  placeless.set(event, without);
  return without;
}
