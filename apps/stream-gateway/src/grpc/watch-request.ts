import type { WatchOrdersRequest } from '@order-events/order-stream';
import type { WatchRequest } from '../watch/watcher.ts';
import { checkFilter, parseBatchSize, parseHeartbeat, parseStart, readFields } from './request-fields.ts';

/** What a client asks for beside its filter, all of it checked. Throws an InvalidRequestError that names every wrong field. */
export function parseWatchRequest(request: WatchOrdersRequest, nowMs: number): Omit<WatchRequest, 'filter'> {
  return readFields('', (refuse) => {
    checkFilter(request.filter, refuse);
    return {
      start: parseStart(request.start, nowMs, refuse) ?? { kind: 'latest' },
      allowGap: request.allowGap,
      heartbeatMs: parseHeartbeat(request.heartbeatInterval, refuse),
      maxBatchSize: parseBatchSize(request.maxBatchSize, refuse),
      untilCaughtUp: request.untilCaughtUp,
    };
  });
}
