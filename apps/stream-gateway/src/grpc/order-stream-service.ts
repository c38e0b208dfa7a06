import type { LogReader } from '@order-events/messaging';
import {
  type GetReplayRangeResponse,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import type { Logger } from '@order-events/runtime';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { ServerError, Status } from 'nice-grpc-common';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import { StreamError } from '../stream-error.ts';
import { readReplayRange } from '../watch/replay-range.ts';
import { createWatchLifetime } from '../watch/watch-lifetime.ts';
import type { WatchRegistry } from '../watch/watch-registry.ts';
import { watchLog, type WatchSources } from '../watch/watcher.ts';
import { parseWatchRequest } from './watch-request.ts';
import { encodeWatchResponse } from './watch-response.ts';

const { methods } = OrderStreamServiceDefinition;

/** The service with one difference: responses of WatchOrders are encoded already. */
export const EncodedOrderStreamDefinition = {
  ...OrderStreamServiceDefinition,
  methods: {
    ...methods,
    watchOrders: {
      ...methods.watchOrders,
      responseType: {
        encode: (encoded: Uint8Array) => ({ finish: () => encoded }),
        decode: (encoded: Uint8Array) => encoded,
      },
    },
  },
} as const;

export interface OrderStreamServiceOptions {
  readonly sources: WatchSources & { readonly reader: Pick<LogReader, 'offsets' | 'fetchBlock'> };
  readonly watches: WatchRegistry;
  readonly maxWatchAgeMs: number;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

export function createOrderStreamService(
  options: OrderStreamServiceOptions,
): ServiceImplementation<typeof EncodedOrderStreamDefinition> {
  const { sources } = options;
  return {
    watchOrders: (request, context) => watchOrders(request, context, options),
    async getReplayRange(_request, context): Promise<GetReplayRangeResponse> {
      const range = await readReplayRange(sources.log, sources.reader, context.signal);
      const { earliestToken, latestToken, earliestLogTimeMs } = range;
      return {
        earliestToken,
        latestToken,
        earliestLogTime: earliestLogTimeMs === undefined ? undefined : new Date(earliestLogTimeMs),
      };
    },
    consumeOrders: () => unimplemented('ConsumeOrders'),
    listSubscriptions: () => unimplemented('ListSubscriptions'),
    getSubscription: () => unimplemented('GetSubscription'),
    seekSubscription: () => unimplemented('SeekSubscription'),
    deleteSubscription: () => unimplemented('DeleteSubscription'),
  };
}

async function* watchOrders(
  request: WatchOrdersRequest,
  context: CallContext,
  { sources, watches, maxWatchAgeMs, metrics, log }: OrderStreamServiceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = parseWatchRequest(request, Date.now());
  const watch = watches.add(context.peer);
  const startedAtMs = performance.now();
  const drainWindowMs = () => watches.drainWindowMs();
  const lifetime = createWatchLifetime({ startedAtMs, maxAgeMs: maxWatchAgeMs, drainWindowMs });
  let reason = 'CLIENT_GONE';
  try {
    for await (const message of watchLog(wanted, watch, lifetime, sources, context.signal)) {
      metrics.sent(message, watch.state);
      watch.writingSinceMs = performance.now();
      yield encodeWatchResponse(message);
      watch.writingSinceMs = undefined;
    }
  } catch (error: unknown) {
    reason = error instanceof StreamError ? error.reason : 'FAILED';
    if (reason.startsWith('RESUME_TOKEN_')) metrics.tokenRejected(reason);
    throw error;
  } finally {
    watches.remove(watch);
    const { id: watcherId, peer, state } = watch;
    const durationMs = Math.round(performance.now() - startedAtMs);
    log.info({ watcherId, peer, state, durationMs, reason }, 'stream ended');
  }
}

function unimplemented(method: string): never {
  throw new ServerError(Status.UNIMPLEMENTED, `${method} is not available yet; WatchOrders is`);
}
