import type { ConnectionOptions } from './connection-options.ts';
import { followStream, type FollowStreamOptions } from './follow-stream.ts';
import type { FollowedItem } from './followed-item.ts';
import { watchOrders } from './watch-orders.ts';

export interface FollowOrdersOptions extends FollowStreamOptions, ConnectionOptions {}

/**
 * Every order that matches, and then every change, each version once and never an older one after a newer one, for as long as it is
 * iterated: over lost connections, an API that is away, restarts with `resume`, and a log that has lost the place, whereupon it lists
 * again. Nothing is read from the stream while it lists: what happens meanwhile stays in the log.
 *
 * Ends without an error when `signal` aborts. Throws an OrderStreamError or an OrderListError when no retry mends the refusal.
 */
export function followOrders(options: FollowOrdersOptions): AsyncGenerator<FollowedItem, void, undefined> {
  return followStream(options, (which) => watchOrders({ ...options, ...which }));
}
