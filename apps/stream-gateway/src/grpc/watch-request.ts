import type { WatchOrdersRequest } from '@order-events/order-stream';
import { createEventFilter } from '../watch/event-filter.ts';
import type { WatchRequest } from '../watch/watcher.ts';
import { parseBatchSize, parseFilter, parseHeartbeat, parseStart, readFields } from './request-fields.ts';

/** What a client asks for, checked. Throws an InvalidRequestError that names every wrong field. */
export function parseWatchRequest(request: WatchOrdersRequest, nowMs: number): WatchRequest {
  return readFields('', (refuse) => ({
    filter: createEventFilter(parseFilter(request.filter, refuse)),
    start: parseStart(request.start, nowMs, refuse) ?? { kind: 'latest' },
    allowGap: request.allowGap,
    heartbeatMs: parseHeartbeat(request.heartbeatInterval, refuse),
    maxBatchSize: parseBatchSize(request.maxBatchSize, refuse),
  }));
}
