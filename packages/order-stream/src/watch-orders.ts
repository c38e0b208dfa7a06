import { createConnector } from './client.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { type OrderWatch, watchStream, type WatchStreamOptions } from './watch-stream.ts';

export interface WatchOrdersOptions extends WatchStreamOptions, ConnectionOptions {}

/**
 * Watches orders for as long as it is iterated, over any number of connections: whatever ends a stream, the next one goes on after
 * the last message. No event is lost while the log holds it, and none is told twice within the memory.
 *
 * It gives whole messages, also those without events: their tokens say how far the filter has read, so that a stored token does not
 * grow old while nothing matches. Store `resumeToken` once the events of its message are handled.
 *
 * Ends without an error when `signal` aborts, and with `untilCaughtUp` at the live edge. Throws an OrderStreamError when no retry can mend the refusal.
 */
export function watchOrders(options: WatchOrdersOptions): OrderWatch {
  return watchStream(options, createConnector(options));
}
